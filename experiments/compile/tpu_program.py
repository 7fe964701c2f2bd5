"""Reads a program that was compiled for a TPU: what each operation costs, and how often it runs.

The compiler writes its own estimate beside every operation, in cycles of a core; a loop's body
stands in the text once, so its operations count by the loop's trips; of a condition's branches all
count. What chips exchange and what memory keeps them waiting for has no estimate.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Dimensions = tuple[int, ...]


class Operation(NamedTuple):
    """An operation of the compiled program, usually a fusion of several of the source's.

    Attributes:
      name: in the compiled program.
      source: the path of the source's operation that it grew from, "" where there is none.
      cycles: estimated, over all its runs.
      flops: of the matrix unit, over all its runs.
    """

    name: str
    source: str
    cycles: int
    flops: int


class _Instruction(NamedTuple):
    name: str
    dimensions: Dimensions
    opcode: str
    line: str


Program = Mapping[str, list[_Instruction]]
"""The instructions of every computation, by its name; the entry's under the empty name."""

_HEADER = re.compile(r"(ENTRY )?%(\S+) .*\{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%(\S+) = (.*?\s)([a-z][a-z0-9-]*)\(.*")
_NAME = re.compile(r"%([\w.-]+)")
_CALLED = re.compile(r"\b(?:calls|to_apply|branch_computations)=(\{[^}]*\}|%[\w.-]+)")


def operations(text: str) -> list[Operation]:
    """The operations of a compiled program's text, those of loops counted by the loops' trips.

    Raises:
      ValueError: where the text does not say how often a loop turns, or is no program.
    """
    program = _parse(text)
    if "" not in program:
        raise ValueError("the text is no compiled program: it has no ENTRY")
    return list(_walk(program, "", 1))


def _parse(text: str) -> Program:
    program: dict[str, list[_Instruction]] = {}
    current: list[_Instruction] = []
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = program.setdefault("" if header[1] else header[2], [])
        elif instruction := _INSTRUCTION.match(line):
            name, shape, opcode = instruction.groups()
            # Of a tuple it is the first part's, which nothing here asks for.
            found = re.search(r"\[([\d,]*)\]", shape)
            sizes = found[1].split(",") if found and found[1] else []
            current.append(_Instruction(name, tuple(map(int, sizes)), opcode, line))
    return program


def _walk(program: Program, computation: str, times: int) -> Iterator[Operation]:
    for instruction in program[computation]:
        line = instruction.line
        if instruction.opcode == "while":
            yield from _walk(program, _named("body", line), times * _trips(program, line))
        elif instruction.opcode in ("call", "conditional", "async-start"):
            for called in _called(line):
                yield from _walk(program, called, times)
        else:
            cycles = re.search(r'"estimated_cycles":"(\d+)"', line)
            source = re.search(r'op_name="([^"]*)"', line)
            yield Operation(
                instruction.name,
                source[1] if source else "",
                times * int(cycles[1]) if cycles else 0,
                times * _flops(program, program[computation], instruction),
            )


def _named(attribute: str, line: str) -> str:
    found = re.search(rf"\b{attribute}=%([\w.-]+)", line)
    if found is None:
        raise ValueError(f"no {attribute} in: {line.strip()[:200]}")
    return found[1]


def _called(line: str) -> list[str]:
    return [name for found in _CALLED.findall(line) for name in _NAME.findall(found)]


def _trips(program: Program, line: str) -> int:
    """Of a loop, which counts from 0 by 1: the one constant that its condition compares with."""
    if known := re.search(r'"known_trip_count":\{"n":"(\d+)"', line):
        return int(known[1])
    names = [_named("condition", line)]
    bounds = []
    for name in names:
        for instruction in program[name]:
            names += _called(instruction.line)
            if bound := re.search(r"\ss32\[\]\S* constant\((\d+)\)", instruction.line):
                bounds.append(int(bound[1]))
    if len(bounds) != 1:
        raise ValueError(f"cannot tell how often a loop turns: {line.strip()[:200]}")
    return bounds[0]


def _flops(program: Program, around: list[_Instruction], instruction: _Instruction) -> int:
    """Of the convolutions in an operation; a TPU's program writes every matrix product as one."""
    if instruction.opcode == "convolution":
        return _convolution_flops(around, instruction)
    return sum(
        _flops(program, program[called], inner)
        for called in _called(instruction.line)
        for inner in program[called]
    )


def _convolution_flops(around: list[_Instruction], convolution: _Instruction) -> int:
    """Two a multiplication, of those with neither padding nor the holes of dilation."""
    line = convolution.line
    operands = _NAME.findall(line.split(" convolution(")[1].split(")")[0])
    dimensions = {i.name: i.dimensions for i in around}
    if (labels := re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", line)) is None:
        raise ValueError(f"no dim_labels in: {line.strip()[:200]}")
    x, w, y = (
        dict(zip(names, sizes, strict=True))
        for names, sizes in zip(
            labels.groups(),
            (*(dimensions[o] for o in operands), convolution.dimensions),
            strict=True,
        )
    )
    window = re.search(r"window=\{([^}]*)\}", line)
    settings = dict(re.findall(r"(\w+)=([-\dx_]+)", window[1] if window else ""))
    spatial = sorted(label for label in x if label.isdigit())

    def by_dimension(setting: str, default: str) -> list[int]:
        values = settings[setting].split("x") if setting in settings else [default] * len(spatial)
        return [int(value.split("_")[0]) for value in values]

    strides, pads = by_dimension("stride", "1"), by_dimension("pad", "0")
    holes, spread = by_dimension("lhs_dilate", "1"), by_dimension("rhs_dilate", "1")
    taps = [
        _taps(y[s], x[s], w[s], *geometry)
        for s, *geometry in zip(spatial, strides, pads, holes, spread, strict=True)
    ]
    return 2 * y["b"] * y["f"] * w["i"] * math.prod(taps)


def _taps(out: int, size: int, kernel: int, stride: int, pad: int, hole: int, far: int) -> int:
    """How often, along one dimension, a tap of the kernel meets an element of the input."""
    places = (o * stride + k * far - pad for o in range(out) for k in range(kernel))
    return sum(0 <= place <= (size - 1) * hole and place % hole == 0 for place in places)
