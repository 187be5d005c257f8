"""What maps over replicas: written-out layers are PyTorch's own, and a stack is its members side by side."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402
from torch.func import functional_call  # noqa: E402

from experiments.engines.torch.layers import layers_of, over_replicas, replicable, unsupported  # noqa: E402
from experiments.engines.torch.trunk import layer_scopes  # noqa: E402
from experiments.networks import NETWORKS  # noqa: E402


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def agree(mine: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


def gradients(module: nn.Module, out: torch.Tensor) -> list[torch.Tensor]:
    weights = torch.linspace(0.5, 1.5, out.numel(), dtype=out.dtype).reshape(out.shape)
    return list(torch.autograd.grad((out * weights).sum(), list(module.parameters())))


def test_a_written_out_gru_is_pytorchs() -> None:
    """States of every step, the last one, and the gradients."""
    theirs = nn.GRU(3, 5, batch_first=True).double()
    mine, x = replicable(theirs), torch.randn(4, 6, 3, dtype=torch.float64)
    assert type(mine).__name__ == "PlainGRU"
    for got, wanted in zip(mine(x), theirs(x), strict=True):
        agree(got, wanted)
    for got, wanted in zip(gradients(mine, mine(x)[0]), gradients(theirs, theirs(x)[0]), strict=True):
        agree(got, wanted)


@pytest.mark.parametrize("bias", [True, False])
def test_a_written_out_attention_is_pytorchs(bias: bool) -> None:
    """Of queries, keys and values that differ, and the gradients."""
    theirs = nn.MultiheadAttention(6, 3, bias=bias, batch_first=True).double()
    with torch.no_grad():
        for parameter in theirs.parameters():  # biases start at 0
            parameter.add_(0.1 * torch.randn_like(parameter))
    mine = replicable(theirs)
    q, k, v = (torch.randn(2, steps, 6, dtype=torch.float64) for steps in (4, 5, 5))
    got, wanted = mine(q, k, v)[0], theirs(q, k, v, need_weights=False)[0]
    agree(got, wanted)
    for one, other in zip(gradients(mine, got), gradients(theirs, wanted), strict=True):
        agree(one, other)


ROWS = {"vector": (5,), "image": (6, 4, 2), "sequence": (6, 3)}
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    **{
        network.name if kind in ("vector", "image") else f"{network.name}_of_{kind}s": (
            lambda build=network.torch, row=ROWS[kind]: build(row),
            ROWS[kind],
        )
        for network in NETWORKS.values()
        if network.torch is not None
        for kind in network.takes
    },
    "nested": (lambda: nn.Sequential(nn.Sequential(nn.Linear(5, 4), nn.Tanh()), nn.Linear(4, 3, bias=False)), (5,)),
    "of_sequences": (lambda: nn.Sequential(nn.Linear(3, 4), nn.GELU(), nn.Flatten(), nn.Linear(8, 2)), (2, 3)),
}


@pytest.mark.parametrize("name", list(MODULES))
def test_a_stack_is_its_members_side_by_side(name: str) -> None:
    """Outputs and gradients of three replicas, each with weights and rows of its own."""
    build, row = MODULES[name]
    module = build().double()
    mapped = replicable(module)
    names = [key for key, _ in module.named_parameters()]
    stacks = {key: torch.randn(3, *p.shape, dtype=p.dtype).requires_grad_() for key, p in module.named_parameters()}
    x = torch.randn(3, 4, *row, dtype=torch.float64)
    out = over_replicas(mapped)(stacks, x)
    for place in range(3):
        mine = {key: stacks[key].detach()[place].requires_grad_() for key in names}
        alone = functional_call(module, mine, (x[place],))
        agree(out[place], alone)
        if names:
            one = torch.autograd.grad(out[place].square().sum(), list(stacks.values()), retain_graph=True)
            other = torch.autograd.grad(alone.square().sum(), list(mine.values()))
            for got, wanted in zip(one, other, strict=True):
                torch.testing.assert_close(got[place], wanted, rtol=1e-9, atol=1e-11)
                assert not got[[p for p in range(3) if p != place]].any()


def test_layers_are_named_by_their_place_and_own_all_parameters() -> None:
    wanted = {
        "linear": [],
        "mlp": ["layer:1_Linear", "layer:2_Linear"],
        "cnn": ["layer:1_Conv2d", "layer:2_Conv2d", "layer:3_Linear"],
        "cnn_of_sequences": ["layer:1_Conv1d", "layer:2_Conv1d", "layer:3_Linear"],
        "gru": ["layer:1_GRU"],
        "attention": [
            "layer:1_Linear", "layer:2_LayerNorm", "layer:3_MultiheadAttention", "layer:4_LayerNorm", "layer:5_Linear",
            "layer:6_Linear",
        ],
    }  # fmt: skip
    for name, layers in wanted.items():
        module = MODULES[name][0]()
        scopes = layer_scopes(module)
        assert [scope for scope, _ in scopes] == layers
        assert [place for _, places in scopes for place in places] == list(range(len(list(module.parameters()))))

    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2))

    assert [type(layer).__name__ for layer in layers_of(nn.ModuleList([Own(), nn.ReLU()]))] == ["Own"]


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), "BatchNorm1d with the buffer running_mean"),
        (nn.Dropout(0.5), "Dropout with p=0.5"),
        (nn.LSTM(2, 2), "LSTM"),
        (nn.GRU(2, 2), "GRU with batch_first=False"),
        (nn.GRU(2, 2, num_layers=2, batch_first=True), "GRU with num_layers=2"),
        (nn.GRU(2, 2, bidirectional=True, batch_first=True), "GRU with bidirectional=True"),
        (nn.MultiheadAttention(4, 2, dropout=0.1, batch_first=True), "MultiheadAttention with dropout=0.1"),
        (nn.MultiheadAttention(4, 2, kdim=3, batch_first=True), "MultiheadAttention with widths of its own"),
    ],
    ids=str,
)
def test_what_replicas_cannot_share_is_named(module: nn.Module, words: str) -> None:
    assert unsupported(module)[0].startswith(words)


def test_every_registered_network_is_supported_and_starts_by_pytorchs_own_law() -> None:
    """Uniform within 1 / sqrt(inputs), biases included."""
    for name, (build, _) in MODULES.items():
        module = build()
        assert unsupported(module) == [], name
        for layer in layers_of(module):
            if isinstance(layer, nn.Linear) and layer.bias is not None:
                bound = layer.in_features**-0.5
                assert 0 < layer.bias.abs().max() <= bound
                assert 0.8 * bound < layer.weight.abs().max() <= bound or layer.weight.numel() < 30


def test_dropout_that_drops_nothing_is_no_obstacle() -> None:
    assert unsupported(nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2))) == []
