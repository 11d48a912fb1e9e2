"""The detector engine: runs AWS IoT Events detector models. Pure: state and trigger in, state and actions out.

Read in this order: `syntax`, `parser`, `interpreter` (the expression language), `model`, `loader`, `checker` (what a
model is and what is wrong with it), `snapshot`, `machine` (the step). It never looks at a clock.
"""
