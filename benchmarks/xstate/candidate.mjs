// `xstate`: an actor for each device. One line of JSON comes out, as from the Python candidates' worker.
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { assign, createActor, setup } from "xstate";

const BATCH = 500;
const path = process.argv[2];
const changes = [];

const tell = (hasBegun) => ({ event }) => {
  changes.push([event.device_id, event.timestamp, hasBegun]);
};

const machine = setup({
  guards: {
    isHot: ({ event }) => event.temp_c > 8.0,
    isNotHot: ({ event }) => event.temp_c <= 8.0,
    isSustained: ({ context, event }) => event.timestamp - context.since >= 120_000,
    isCool: ({ event }) => event.temp_c <= 7.5,
    isNotCool: ({ event }) => event.temp_c > 7.5,
    isRecovered: ({ context, event }) => event.timestamp - context.since >= 60_000,
  },
  actions: {
    begin: assign({ since: ({ event }) => event.timestamp }),
    raise: tell(true),
    clear: tell(false),
  },
}).createMachine({
  context: { since: 0 },
  initial: "normal",
  states: {
    normal: { on: { take: { guard: "isHot", target: "pending", actions: "begin" } } },
    pending: {
      on: {
        take: [
          { guard: "isNotHot", target: "normal" },
          { guard: "isSustained", target: "alarm", actions: "raise" },
        ],
      },
    },
    alarm: { on: { take: { guard: "isCool", target: "clearing", actions: "begin" } } },
    clearing: {
      on: {
        take: [
          { guard: "isNotCool", target: "alarm" },
          { guard: "isRecovered", target: "normal", actions: "clear" },
        ],
      },
    },
  },
});

const actors = new Map();

function take(message) {
  let actor = actors.get(message.device_id);
  if (actor === undefined) {
    actor = createActor(machine).start();
    actors.set(message.device_id, actor);
  }
  message.type = "take";
  actor.send(message);
}

function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function* batches() {
  const file = openSync(path);
  const chunk = Buffer.alloc(1 << 17);
  let rest = "";
  let lines = [];
  for (let size; (size = readSync(file, chunk)) > 0; ) {
    const pieces = (rest + chunk.toString("latin1", 0, size)).split("\n");
    rest = pieces.pop();
    lines.push(...pieces);
    while (lines.length >= BATCH) yield lines.splice(0, BATCH);
  }
  closeSync(file);
  if (lines.length > 0) yield lines;
}

function decodeOnly(lines) {
  const before = cpu();
  for (const line of lines) JSON.parse(line);
  return cpu() - before;
}

function feed(lines) {
  const before = cpu();
  for (const line of lines) take(JSON.parse(line));
  return cpu() - before;
}

let [decode_us, total_us, messages, isDecodedFirst] = [0, 0, 0, false];
for (const lines of batches()) {
  isDecodedFirst = !isDecodedFirst;
  if (isDecodedFirst) decode_us += decodeOnly(lines);
  total_us += feed(lines);
  if (!isDecodedFirst) decode_us += decodeOnly(lines);
  messages += lines.length;
}

const peak = /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? process.resourceUsage().maxRSS;
console.log(
  JSON.stringify({ messages, decode_ns: decode_us * 1000, total_ns: total_us * 1000, peak_kb: Number(peak), changes }),
);
