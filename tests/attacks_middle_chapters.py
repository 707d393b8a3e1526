"""Answers to exercises of chapters 08 to 13: wrong ones that the laws once let pass, right ones in unusual dress.

They are NumPy's, for where PyTorch has the exercise too the laws are the same.
"""

import attacks_right
import attacks_wrong


def attack(*names):
    """Register a wrong answer to these exercises."""
    return attacks_wrong.attack(*names, wings=("in_numpy",))


def right(*names):
    """Register a right answer to these exercises."""
    return attacks_right.right(*names, wings=("in_numpy",))
