"""The readings of a fleet that is mostly well: a seed in, the same lines out.

Each device reports every 15 s, give or take 2 s. Two devices of a hundred have an excursion of one of seven shapes;
three messages of a thousand are a spike, which is over with the next message.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

MESSAGES_PER_DEVICE: Final = 100
START_MS: Final = 1_780_000_000_000
PERIOD_MS: Final = 15_000
JITTER_MS: Final = 2_000
EXCURSIONS_PER: Final = 50
"""One device of so many has an excursion."""
SPIKES: Final = 0.003


@dataclass(frozen=True, slots=True)
class Fleet:
    devices: int
    seed: int = 1

    @property
    def messages(self) -> int:
        return self.devices * MESSAGES_PER_DEVICE


type Stretch = tuple[int, float, float]
"""How many messages, and between which temperatures."""


def _plain(random: Random) -> list[Stretch]:
    return [(random.randint(12, 40), 8.3, 13.0)]


def _reset(_: Random) -> list[Stretch]:
    """One message in range and the two minutes begin anew."""
    return [(6, 8.4, 10.0), (1, 5.0, 8.0), (14, 8.2, 11.0)]


def _hover(random: Random) -> list[Stretch]:
    """Between the two thresholds, where it neither rises again nor clears; then a relapse while clearing."""
    return [(12, 8.2, 10.0), (6, 7.55, 7.95), (2, 5.0, 7.4), (random.randint(1, 4), 7.6, 9.0)]


def _two(_: Random) -> list[Stretch]:
    return [(12, 8.2, 11.0), (12, 4.0, 7.3), (12, 8.2, 11.0)]


def _near_misses(_: Random) -> list[Stretch]:
    return [(7, 8.2, 9.5), (3, 4.0, 7.0), (7, 8.2, 9.5)]


def _on_the_line(_: Random) -> list[Stretch]:
    """Exactly 8.0 is not above the limit; exactly 7.5 is below the other."""
    return [(6, 8.2, 9.0), (1, 8.0, 8.0), (12, 8.1, 9.0), (3, 7.5, 7.5)]


def _never_over(_: Random) -> list[Stretch]:
    return [(MESSAGES_PER_DEVICE, 8.5, 12.0)]


SHAPES: Final[Sequence[Callable[[Random], list[Stretch]]]] = (
    *(_plain, _reset, _hover, _two, _near_misses, _on_the_line, _never_over),
)


def lines(fleet: Fleet) -> list[bytes]:
    """Every message, in the order of its time."""
    found = [line for number in range(fleet.devices) for line in _device(fleet, number)]
    found.sort()
    return [line for _, _, line in found]


def _device(fleet: Fleet, number: int) -> Iterator[tuple[int, int, bytes]]:
    random = Random(fleet.seed * 1_000_003 + number)  # noqa: S311 - data, no secret
    now = START_MS + random.randrange(PERIOD_MS)
    battery = random.randint(6, 100)
    location = f'{{"lat":{random.uniform(35, 60):.3f},"lon":{random.uniform(-10, 30):.3f}}}'
    rest = f'"firmware":"2.4.1","location":{location}'
    for seq, temp in enumerate(_temperatures(random, number)):
        whose = f'"device_id":"north-reefer-{number:06d}","timestamp":{now},"seq":{seq}'
        yield now, number, f"{{{whose},{_measured(random, temp, battery)},{rest}}}\n".encode()
        now += PERIOD_MS + random.randint(-JITTER_MS, JITTER_MS)


def _temperatures(random: Random, number: int) -> list[float]:
    usual = random.uniform(3.5, 5.5)
    course = [
        random.uniform(8.5, 14.0) if random.random() < SPIKES else usual + random.uniform(-1.2, 1.2)
        for _ in range(MESSAGES_PER_DEVICE)
    ]
    if number % EXCURSIONS_PER == 0:
        shape = SHAPES[number // EXCURSIONS_PER % len(SHAPES)](random)
        at = random.randint(10, 40)
        for count, low, high in shape:
            course[at : at + count] = [random.uniform(low, high) for _ in range(count)]
            at += count
    return [round(temp, 2) for temp in course[:MESSAGES_PER_DEVICE]]


def _measured(random: Random, temp: float, battery: int) -> str:
    humidity, shock = round(random.gauss(55, 9), 1), round(random.expovariate(6), 2)
    door = "true" if random.random() < 0.01 else "false"
    probe = "OK" if random.random() < 0.998 else "LOST"
    return (
        f'"temp_c":{temp},"humidity_pct":{humidity},"shock_g":{shock},"battery_pct":{battery},'
        f'"fleet_id":"north","door_open":{door},"probe":"{probe}"'
    )
