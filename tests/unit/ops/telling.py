"""What an answer tells a person, as text."""

import io

from coldwatch_ops.answer import Answer, write_answer


def text_of(answer: Answer) -> str:
    out = io.StringIO()
    write_answer(answer, out, as_json=False)
    return out.getvalue().strip()
