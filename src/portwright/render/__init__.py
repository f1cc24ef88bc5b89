"""From a plan to the configuration of each point: what it must pass, in few readable rules, then in its own language.

`render.intent` says what a point must pass, free of any vendor; a platform's `render` module writes it; `render.prove`
reads the text back and checks it before anybody sees it.
"""
