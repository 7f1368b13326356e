"""Chance as a function of the seed and of where a training stands, so that no state of a generator is ever kept."""

from __future__ import annotations

import hashlib

import torch


def seed_of(seed: int, what: str, number: int) -> int:
    """The seed of one thing that is drawn: of the order of an epoch, of the augmentation of a step. Below 2^32.

    A generator of torch's takes 32 bits; neighbouring seeds and numbers give seeds that have nothing in common.
    """
    return int.from_bytes(hashlib.sha256(f"{seed} {what} {number}".encode()).digest()[:4], "big")


def generator_of(seed: int, what: str, number: int) -> torch.Generator:
    """A generator on the CPU for what `seed_of` tells."""
    return torch.Generator().manual_seed(seed_of(seed, what, number))


def seed_step(seed: int, step: int, rank: int, device: torch.device) -> None:
    """Seed what modules draw from in a step, dropout above all: differently on each process."""
    number = seed_of(seed, f"step of process {rank}", step)
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
