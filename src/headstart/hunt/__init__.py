"""Bug hunt: a program with planted bugs to be found by reading and testing, as interviewers set it.

from headstart import hunt

round = hunt.start("gpt", level=1, seed=7)   # writes hunt-gpt-1-7.py: read it, test it, mend it
round.check()                                # how many bugs are left, never where
round.debrief()                              # every bug: where, what one notices, the test that catches it
"""

from headstart.hunt.game import HuntError, Round, start

__all__ = ["HuntError", "Round", "start"]
