"""The rules that the points of a rehearsal run: their own, rendered or translated ones, line by line."""
