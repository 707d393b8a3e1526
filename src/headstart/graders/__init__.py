"""Laws, known mistakes and accepted styles: a package for each chapter that has exercises. They know no reference.

A package is imported when its chapter is asked for: most runs are about one of them.
"""

import functools
import importlib
import pkgutil


def chapters():
    """The slugs of the chapters that have exercises."""
    return [package.name.replace("_", "-") for package in pkgutil.iter_modules(__path__) if package.ispkg]


@functools.cache
def of_chapter(slug):
    """The exercises of one chapter by name, in the order of its modules and of the lines within them."""
    importlib.import_module(f"{__name__}.{slug.replace('-', '_')}")
    return {name: exercise for name, exercise in loaded().items() if exercise.chapter == slug}


def loaded():
    """The exercises that something has asked for already, by name."""
    from headstart.graders.kit import EXERCISES

    return EXERCISES


@functools.cache
def exercises():
    """Every exercise of the course by name, chapter by chapter."""
    return {name: exercise for slug in chapters() for name, exercise in of_chapter(slug).items()}
