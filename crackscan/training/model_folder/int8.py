"""Static int8 quantisation of a LiteRT file: twice as fast on CPUs, with similar results.

It is LiteRT's own quantiser with three additions. Each lowers the standard deviation of the change of the
log-odds, measured with concrete-v1 on uav-crack's validation tiles. The quantiser alone gives 1.03. With
ranges from all observed values instead of a moving average it is 0.26. With the first three convolutions,
which work at full resolution on few channels, left in float it is 0.14. With biases that correct the mean
error of rounded weights it is 0.10 (Nagel et al. 2019, arXiv:1906.04721).
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import CrackscanError, MissingExtra
from crackscan.model.network import quiet_stderr

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
QUANTISED = (*CONVOLUTIONS, "ADD", "PAD")  # operators of the backbone; all others stay float
SCOPE = r"^(?!.*(?:bn_Conv1|expanded_conv)).*mobilenetv2"  # backbone without its first three convolutions
MAX_WEIGHT = 127  # in int8; each channel has its own scale
SAMPLED = 400  # values of each tensor and tile, to choose its range
CANDIDATES = np.linspace(0.2, 1.0, 33)  # ranges to try, as shares of the observed range


@dataclass(slots=True)
class _Observed:
    """The values of one tensor over all tiles."""

    means: list[Float32s] = field(default_factory=list)  # of the channels
    lowest: float = 0.0
    highest: float = 0.0
    values: list[Float32s] = field(default_factory=list)
    dimensions: int = 0

    def add(self, tensor: Float32s, rng: np.random.Generator) -> None:
        self.dimensions, flat = tensor.ndim, tensor.reshape(-1)
        self.means.append(tensor.reshape(-1, tensor.shape[-1]).mean(axis=0))
        self.lowest, self.highest = (
            min(self.lowest, float(flat.min())),
            max(self.highest, float(flat.max())),
        )
        self.values.append(flat[rng.integers(0, len(flat), SAMPLED)])

    def choose_range(self) -> Mapping[str, Float32s]:
        """Return the range with the smallest error in 256 steps: without rare values the steps are finer."""
        values = np.concatenate(self.values)
        ranges = [(self.lowest * share, self.highest * share) for share in CANDIDATES]
        low, high = min(ranges, key=lambda limits: _rounding_error(values, *limits))
        shape = (1,) * self.dimensions
        return {"min": np.full(shape, low, np.float32), "max": np.full(shape, high, np.float32)}


def _rounding_error(values: Float32s, low: float, high: float) -> float:
    step = (high - low) / 255 or 1e-9
    zero = round(-low / step)
    rounded = (np.clip(np.round(values / step) + zero, 0, 255) - zero) * step
    return float(((rounded - values) ** 2).mean())


def quantise(content: bytes, tiles: Iterable[Pixels]) -> bytes:
    """Return a float LiteRT file of `network.export_litert` in int8, with the same inputs and outputs.

    tiles: some hundreds of typical tiles, uint8 (input_px, input_px, 3) each; they give the ranges.

    Raises:
        MissingExtra: the quantiser is not installed.
        CrackscanError: the quantiser does not support the network.
    """
    quantizer = _import_quantizer()
    with _quiet():
        observed = _observe(content, tiles)
        ranges = {name: tensor.choose_range() for name, tensor in observed.items()}
        rounding = quantizer.Quantizer(bytearray(_correct_biases(content, observed)), _quantisation_recipe())
        try:
            quantised = rounding.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
        except (ValueError, RuntimeError) as error:  # of a network that it does not support
            raise CrackscanError(f"The network cannot be quantised ({error}).") from error
    return bytes(quantised.quantized_model)


def _import_quantizer() -> Any:
    try:
        from ai_edge_quantizer import quantizer
    except ImportError as error:
        raise MissingExtra(
            f'The quantiser cannot be imported ({error}); install the extra: pip install "crackscan[train]".'
        ) from error
    return quantizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the messages of the interpreter and the quantiser."""
    with quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _quantisation_recipe() -> Any:
    from ai_edge_quantizer.qtyping import TFLOperationName
    from ai_edge_quantizer.recipe_manager import RecipeManager

    manager = RecipeManager()
    for kind in QUANTISED:
        manager.add_static_config(
            regex=SCOPE, operation_name=TFLOperationName(kind), activation_num_bits=8, weight_num_bits=8
        )
    return manager.get_quantization_recipe()


def _observe(content: bytes, tiles: Iterable[Pixels]) -> dict[str, _Observed]:
    """Run the float file on the tiles, and collect the values of the tensors to quantise."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    names = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    given = interpreter.get_input_details()[0]["index"]
    model = _parse(content)
    observed, rng = {index: _Observed() for index in _variable_tensors(model)}, np.random.default_rng(0)
    for tile in tiles:
        interpreter.set_tensor(given, tile[np.newaxis])
        interpreter.invoke()
        for index, tensor in observed.items():
            tensor.add(interpreter.get_tensor(index), rng)
    return {names[index]: tensor for index, tensor in observed.items()}


def _variable_tensors(model: Any) -> list[int]:
    """Return the tensors of all quantised operators that depend on the tile."""
    tensors = model.subgraphs[0].tensors
    indices = [
        index
        for kind, operator in _operators(model)
        if _is_quantised(kind, operator, tensors)
        for index in (*operator.inputs, *operator.outputs)
    ]
    return [
        int(index) for index in dict.fromkeys(indices) if model.buffers[tensors[index].buffer].data is None
    ]


def _is_quantised(kind: str, operator: Any, tensors: Any) -> bool:
    return kind in QUANTISED and re.match(SCOPE, tensors[operator.outputs[0]].name.decode()) is not None


def _correct_biases(content: bytes, observed: Mapping[str, _Observed]) -> bytes:
    """Add to each bias what rounding its weights will take from the mean of the output."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = _parse(content)
    tensors = model.subgraphs[0].tensors
    for kind, operator in _operators(model):
        if kind in CONVOLUTIONS and _is_quantised(kind, operator, tensors):
            given, weight, bias = (tensors[index] for index in operator.inputs)
            means = np.mean(observed[given.name.decode()].means, axis=0)
            lost = _mean_loss(_values(model, weight).reshape(weight.shape), means)
            model.buffers[bias.buffer].data = (_values(model, bias) + lost).astype(np.float32).view(np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _mean_loss(weights: Float32s, means: Float32s) -> Float32s:
    """Return what rounding the weights takes from the mean of each output channel.

    weights: (outputs, 1, 1, inputs), or (1, 3, 3, channels) of a depthwise convolution. means: of the inputs.
    """
    depthwise = weights.shape[0] == 1 and weights.shape[1:3] != (1, 1)
    axes = (0, 1, 2) if depthwise else (1, 2, 3)
    step = np.maximum(np.abs(weights).max(axis=axes, keepdims=True), 1e-9) / MAX_WEIGHT
    lost: Float32s = ((weights - np.round(weights / step) * step) * means).sum(axis=axes)
    return lost


def _parse(content: bytes) -> Any:
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def _operators(model: Any) -> Iterator[tuple[str, Any]]:
    from ai_edge_litert.tools import flatbuffer_utils

    for operator in model.subgraphs[0].operators:
        yield flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex), operator


def _values(model: Any, tensor: Any) -> Float32s:
    values: Float32s = np.asarray(model.buffers[tensor.buffer].data).view(np.float32)
    return values
