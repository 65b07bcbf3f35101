"""What a wave asks about, and when."""

import asyncio
from dataclasses import replace

import pytest

from coldferry.errors import TranslationsMissing
from coldferry.waves.standing import RowState, Standing
from tasks.describing import survey
from tasks.waves.approving import approve_all
from tasks.waves.planning import Goal, Planned
from tests.journeys.absent_children import ROW, VM, Night
from tests.unit.wave_strategies import a_row, a_wave

HALTED = Standing(RowState.PLANNED, halted=True)


def an_open_row(night):
    """Its subnet is a person's to say."""
    source, target = night.clouds["here"], night.clouds["there"]
    goal = Goal(target.translator(), target.translator().catalogue())
    found = survey.fn(source, VM)
    standing = Standing(migration=night.migration)
    asked = Planned(a_row(ROW), source, target, goal, standing=standing, found=found)
    return asked.answered({})


def approved(night, other):
    rows = [an_open_row(night), replace(an_open_row(night), row=a_row("db"), weighed=None)]
    rows[1] = replace(rows[1], standing=other)
    return asyncio.run(approve_all(a_wave(a_row(ROW), a_row("db")), rows))


def test_nobody_is_asked_while_a_source_stands_halted():
    asked, halted = approved(Night(), HALTED)

    assert asked.standing.state is RowState.WAITING
    assert asked.approval is None
    assert halted.standing == HALTED


def test_what_is_open_is_asked_first_where_no_source_is_halted():
    with pytest.raises(TranslationsMissing):
        approved(Night(), Standing())
