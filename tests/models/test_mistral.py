"""A decoder as a student: both directions, instructions out of the pooling, adapters. On small random checkpoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoModel, AutoTokenizer, MistralConfig, PreTrainedTokenizerFast, masking_utils

from experiments.config import DistilledStudent, LowRankAdapter, ModelStudent
from experiments.errors import UserError
from experiments.execution import Execution
from experiments.models.direction import looks_ahead
from experiments.models.prompts import measure_prompts
from experiments.models.saved import save_model
from experiments.models.student import build_student, load_trained, trainable
from tests.helpers.checkpoints import bert_folder, mistral_folder

PROMPT = "Given a web search query, retrieve relevant passages that answer the query: "
LORA = LowRankAdapter(r=4, alpha=8.0, targets=("q_proj", "v_proj", "down_proj"))
TEXTS = ["how do whales sleep", "a much longer text about whales that sleep in the sea", "whales"]


@pytest.fixture(scope="module")
def mistral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mistral_folder(tmp_path_factory.mktemp("mistral"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_folder(tmp_path_factory.mktemp("bert"))


def student(folder: Path, **changes: object) -> tuple[ModelStudent, Execution]:
    values = {"name": folder.name, "source": "folder", "pooling": "mean", "query_prompt": PROMPT, "max_length": 64}
    here = Execution(device="cpu", model_paths={folder.name: folder}, progress=False)
    return ModelStudent.model_validate(values | changes), here


def hidden(model: SentenceTransformer, ids: list[list[int]], mask: list[list[int]]) -> torch.Tensor:
    with torch.no_grad():
        backbone = model[0].auto_model
        states: torch.Tensor = backbone(
            input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask)
        ).last_hidden_state
    return states


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("direction", [None, "bidirectional"])
@pytest.mark.parametrize("last", [1, 0], ids=["full", "padded"])
def test_a_later_token_changes_an_earlier_one_only_in_both_directions(
    mistral: Path, attention: str, direction: str | None, last: int
) -> None:
    """In a batch without padding sdpa gets no mask at all, and would fall back to a causal one."""
    config, here = student(mistral, attention_direction=direction)
    model = build_student(config, execution=here, attention=attention)
    mask = [[1, 1, 1, 1], [1, 1, 1, last]]
    states = hidden(model, [[5, 6, 7, 8], [5, 6, 7, 8]], mask)
    changed = hidden(model, [[5, 6, 7, 9], [5, 6, 7, 9]], mask)
    assert torch.allclose(states[0, :3], changed[0, :3], atol=1e-5) == (direction is None)
    if not last:
        assert torch.allclose(states[1, :3], changed[1, :3], atol=1e-6)
    earlier = hidden(model, [[4, 6, 7, 8], [4, 6, 7, 8]], mask)
    assert not torch.allclose(states[0, 3], earlier[0, 3], atol=1e-4)


def test_the_mask_is_made_where_we_say(mistral: Path) -> None:
    """The place that is steered: with is_causal=False the causal mask's function lets every token see all real ones."""
    padding = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
    for make in (masking_utils.create_causal_mask, masking_utils.create_sliding_window_causal_mask):
        for causal in (True, False):
            config = MistralConfig(hidden_size=32, num_attention_heads=4, sliding_window=16)
            config._attn_implementation = "eager"
            config.is_causal = causal
            mask = make(
                config=config, inputs_embeds=torch.zeros(2, 4, 32), attention_mask=padding, past_key_values=None
            )
            seen = mask[:, 0] == 0
            expected = padding[:, None, :].bool().expand(2, 4, 4)
            expected = expected & torch.ones(4, 4).tril().bool() if causal else expected
            assert torch.equal(seen[0], expected[0])
            assert torch.equal(seen[1, :2], expected[1, :2])


def test_a_model_that_does_not_heed_the_config_is_refused(mistral: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another release of transformers would be: the function is there, and does not look at is_causal."""
    from transformers.models.mistral import modeling_mistral

    config, here = student(mistral)
    backbone = build_student(config, execution=here)[0].auto_model
    assert not looks_ahead(backbone)

    def always_causal(config: MistralConfig, **arguments: object) -> object:
        asked, config.is_causal = getattr(config, "is_causal", True), True
        made = masking_utils.create_sliding_window_causal_mask(config=config, allow_is_causal_skip=False, **arguments)
        config.is_causal = asked
        return made

    monkeypatch.setattr(modeling_mistral, "create_sliding_window_causal_mask", always_causal)
    with pytest.raises(UserError, match=r"attention_direction=bidirectional has no effect on .*MistralModel"):
        build_student(config.model_copy(update={"attention_direction": "bidirectional"}), execution=here)


def by_hand(folder: Path, text: str, *, skip: int, causal: bool) -> np.ndarray:
    """transformers alone: the mean over the tokens after the first `skip`, unit length."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False), is_causal=causal)
    mean = states.last_hidden_state[0, skip:].mean(dim=0)
    return (mean / mean.norm()).numpy()


def test_instructions_are_read_and_not_pooled(mistral: Path) -> None:
    config, here = student(mistral, attention_direction="bidirectional", pool_prompt=False)
    model = build_student(config, execution=here)
    prompt = len(AutoTokenizer.from_pretrained(mistral)(PROMPT)["input_ids"]) - 1
    expected = [by_hand(mistral, PROMPT + text, skip=prompt, causal=False) for text in TEXTS]
    assert np.allclose(model.encode_query(TEXTS), expected, atol=1e-5)
    plain = [by_hand(mistral, text, skip=0, causal=False) for text in TEXTS]
    assert np.allclose(model.encode_document(TEXTS), plain, atol=1e-5)
    assert not np.allclose(expected, plain, atol=1e-2)
    pooled, _ = student(mistral, attention_direction="bidirectional")
    everything = [by_hand(mistral, PROMPT + text, skip=0, causal=False) for text in TEXTS]
    assert np.allclose(build_student(pooled, execution=here).encode_query(TEXTS), everything, atol=1e-5)


def test_bert_leaves_instructions_out_as_well(bert: Path) -> None:
    config, here = student(bert, pool_prompt=False)
    prompt = len(AutoTokenizer.from_pretrained(bert)(PROMPT)["input_ids"]) - 1
    tokenizer, model = AutoTokenizer.from_pretrained(bert), AutoModel.from_pretrained(bert).eval()
    with torch.no_grad():
        states = model(**tokenizer(PROMPT + TEXTS[0], return_tensors="pt")).last_hidden_state[0, prompt:]
    mean = states.mean(dim=0)
    assert np.allclose(build_student(config, execution=here).encode_query(TEXTS[0]), mean / mean.norm(), atol=1e-5)


def test_a_prompts_last_space_does_not_cost_the_texts_first_token(mistral: Path, tmp_path: Path) -> None:
    """In Mistral's tokenizer a word carries the space before it; the library alone counts one token too many."""
    words = Tokenizer(models.BPE(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(special_tokens=["<unk>", "</s>"], show_progress=False)
    words.train_from_iterator([*TEXTS, PROMPT], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", eos_token="</s>")
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_bytes((mistral / file).read_bytes())
    tokenizer.save_pretrained(tmp_path)
    config, here = student(tmp_path, query_prompt="query: ", pool_prompt=False)
    model = build_student(config, execution=here)
    assert model.tokenizer.pad_token == "</s>"
    module, length = model[0], model[0]._get_prompt_length("query: ")
    whole = tokenizer("query: whales")["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(whole)
    assert ("".join(tokens[:length]), "".join(tokens[length:])) == ("▁query:", "▁whales")
    module._prompt_length_mapping.clear()
    assert module._get_prompt_length("query: ") == length + 1
    measure_prompts(model)
    assert module._get_prompt_length("query: ") == length


def moved(model: SentenceTransformer) -> None:
    """Give a fresh adapter, whose product is zero, something to say."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(1)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.2)


def test_only_the_adapter_is_trained_and_saved_and_it_comes_back(mistral: Path, tmp_path: Path) -> None:
    config, here = student(mistral, attention_direction="bidirectional", pool_prompt=False, adapter=LORA)
    base = build_student(config, execution=here).encode_query(TEXTS)
    model = trainable(config, seed=3, execution=here)
    assert np.array_equal(model.encode_query(TEXTS), base)
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trained) == 2 * len(LORA.targets) * 2
    assert all("lora_" in name for name in trained)
    moved(model)
    vectors = model.encode_query(TEXTS)
    assert not np.allclose(vectors, base, atol=1e-2)
    save_model(model, tmp_path / "saved")
    files = {path.name for path in (tmp_path / "saved").iterdir()}
    assert "adapter_model.safetensors" in files
    assert not files & {"model.safetensors", "config.json"}
    assert str(mistral.parent) not in (tmp_path / "saved" / "adapter_config.json").read_text(encoding="utf-8")
    again = load_trained(config, tmp_path / "saved", execution=here, precision="fp32", attention="sdpa")
    assert np.array_equal(again.encode_query(TEXTS), vectors)
    merge(again)
    assert np.allclose(again.encode_query(TEXTS), vectors, atol=1e-5)
    kept = load_file(tmp_path / "saved" / "adapter_model.safetensors")
    assert sum(weight.numel() for weight in kept.values()) == sum(
        weight.numel() for weight in model.parameters() if weight.requires_grad
    )


def merge(model: SentenceTransformer) -> None:
    """peft's own sum of base and adapter."""
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        layer.merge()
        assert layer.merged
    assert len(layers) == 2 * len(LORA.targets)


def test_an_adapters_first_draw_is_a_function_of_its_seed(bert: Path) -> None:
    config, here = student(bert, adapter=LowRankAdapter(targets=("query", "dense"), base_precision="bf16"))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, same, other = (trainable(config, seed=seed, execution=here) for seed in (0, 0, 1))
    assert torch.equal(torch.rand(3), expected)
    draws = [
        torch.cat([weight.ravel() for name, weight in model.named_parameters() if "lora_A" in name])
        for model in (one, same, other)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.allclose(draws[0], draws[2], atol=1e-3)
    dtypes = {weight.requires_grad: weight.dtype for weight in one.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}


def test_what_cannot_be_adapted_is_one_line(bert: Path) -> None:
    config, here = student(bert, adapter=LORA)
    with pytest.raises(UserError, match=r"no linear layer 'q_proj' \(it has: dense, key, query, value\)"):
        trainable(config, seed=0, execution=here)
    with pytest.raises(ValueError, match=r"base takes no adapter"):
        DistilledStudent(base=config, teacher={"name": "minilm_l6", "source": "embedded"})
