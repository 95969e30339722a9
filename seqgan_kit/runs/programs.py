"""Exported programs as files, ONNX and PyTorch's own, and how such files are run."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import GraphModule

from ..errors import NotSupported, SeqganError

KEY = "seqgan_kit"
"""Of the text among the metadata of an ONNX file."""

EXTRA = f"{KEY}.json"
"""Name of the same text among the extra files of a .pt2 file."""

FAILURES = (RuntimeError, ValueError, TypeError, LookupError, AssertionError, NotImplementedError)
"""What tracing a network raises where it cannot follow."""

Program = Callable[[Mapping[str, Tensor]], Sequence[Tensor]]
"""From inputs by name to outputs."""


class ExportProblem(SeqganError):
    """The error for a file that cannot be written, or is not what it should be; it says why."""


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        require: raises :class:`ExportProblem` if packages are missing.
        write: writes a program with a text and the names of its outputs.
        open: returns what runs the program of a file.
    """

    require: Callable[[], None]
    write: Callable[[ExportedProgram, Path, str, Sequence[str]], None]
    open: Callable[[Path], Program]


def trace(module: nn.Module, inputs: Mapping[str, Tensor]) -> ExportedProgram:
    """Return a module as a program whose first axis, the batch, is of any size.

    Args:
        module: takes tensors by name; its weights need no gradients.
        inputs: an example of them, of two sequences or more.

    Raises:
        NotSupported: it does what a program cannot do.
    """
    batch = {name: {0: Dim("batch")} for name in inputs}
    try:
        with _quiet():
            program = torch.export.export(
                module, (), dict(inputs), dynamic_shapes=batch, strict=False
            )
    except FAILURES as error:
        raise _refusal(error) from error
    for part in program.graph_module.modules():
        for node in part.graph.nodes if isinstance(part, GraphModule) else ():
            # Places on this machine.
            node.meta.pop("stack_trace", None)
    return program


def _refusal(error: Exception) -> SeqganError:
    said = next((line for line in str(error).splitlines() if line.strip()), "")
    return NotSupported(f"this network cannot be exported: {type(error).__name__}: {said[:200]}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep remarks of exporters on their own insides from the user."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


# -- ONNX ---------------------------------------------------------------------------------------


def _require_onnx() -> None:
    """Refuse if the packages are missing that write ONNX files, and run them."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExportProblem(
            "ONNX files require the packages onnx, onnxscript and onnxruntime: pip install "
            '"seqgan_kit[export]"; files that end in .pt2 require none'
        ) from error


def _translations() -> dict[Any, Callable[..., Any]]:
    """Return operations that ONNX does not have, or not with the same result, in those it has."""
    from onnx import TensorProto
    from onnxscript import opset18

    op: Any = opset18

    def searchsorted(
        sorted_sequence: Any,
        self: Any,
        *,
        out_int32: bool = False,
        right: bool = False,
        side: str | None = None,
        sorter: Any = None,
    ) -> Any:
        below = op.LessOrEqual if right or side == "right" else op.Less
        before = below(op.Unsqueeze(sorted_sequence, [-2]), op.Unsqueeze(self, [-1]))
        return op.ReduceSum(op.Cast(before, to=TensorProto.INT64), [-1], keepdims=0)

    def cumsum(self: Any, dim: int, dtype: int = -1) -> Any:
        # On a CPU, PyTorch sums in double precision, and whole numbers as such of 64 bits.
        total = op.CumSum(op.Cast(self, to=TensorProto.DOUBLE), op.Constant(value_int=dim))
        real = self.dtype == TensorProto.FLOAT
        return op.Cast(total, to=TensorProto.FLOAT if real else TensorProto.INT64)

    aten = torch.ops.aten
    return {aten.searchsorted.Tensor: searchsorted, aten.cumsum.default: cumsum}


def _write_onnx(program: ExportedProgram, path: Path, about: str, outputs: Sequence[str]) -> None:
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    try:
        with _quiet(), torch.no_grad():
            written = torch.onnx.export(
                program,
                dynamo=True,
                dynamic_shapes={name: {0: "batch"} for name in program.example_inputs[1]},
                custom_translation_table=_translations(),
                output_names=outputs,
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, *FAILURES) as error:
        raise _refusal(error) from error
    assert written is not None
    # What the optimizer has left over, of which ONNX Runtime would warn whoever opens the file.
    RemoveUnusedNodesPass()(written.model)
    for node in written.model.graph.all_nodes():
        node.metadata_props.clear()
    written.model.metadata_props[KEY] = about
    written.save(path)


def _open_onnx(path: Path) -> Program:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Tensor]) -> Sequence[Tensor]:
        arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
        return [torch.from_numpy(array) for array in session.run(None, arrays)]

    return run


# -- PyTorch ------------------------------------------------------------------------------------


def _write_pt2(program: ExportedProgram, path: Path, about: str, outputs: Sequence[str]) -> None:
    # They are no part of the program, and the only part of the file that is no plain data.
    program.example_inputs = None
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={EXTRA: about})
    path.write_bytes(content.getvalue())


def _open_pt2(path: Path) -> Program:
    # Such files can hold code: only one that this process has written may come here.
    with _quiet():
        module = torch.export.load(path).module()
    return lambda inputs: module(**inputs)


FORMATS = {
    ".onnx": Format(_require_onnx, _write_onnx, _open_onnx),
    ".pt2": Format(lambda: None, _write_pt2, _open_pt2),
}
"""By the endings of files."""
