"""Tiny diffusion models with random weights, saved to disk in diffusers' format."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from vidstyle.optional_imports import require


def save_unet(folder: Path, *, with_scheduler: bool = True) -> Path:
    """An unconditional U-Net of 16 px with a bottleneck, as a DDPM pipeline or by itself."""
    diffusers = require("diffusers", "a test")
    torch.manual_seed(3)
    network = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )
    with torch.no_grad():
        # steps undo each other where predictions change little with time, as those of trained networks
        network.conv_out.weight.mul_(0.1)
    if with_scheduler:
        diffusers.DDPMPipeline(network, diffusers.DDPMScheduler(beta_end=0.004)).save_pretrained(folder)
    else:
        network.save_pretrained(folder)
    return folder


def save_stable_diffusion(folder: Path, *, with_controlnet: bool = False, with_adapter: bool = False) -> Path:
    """A pipeline of the class Stable Diffusion, with a text encoder of a few words."""
    diffusers, transformers = require("diffusers", "a test"), require("transformers", "a test")
    torch.manual_seed(4)
    words = ["<|startoftext|>", "<|endoftext|>", "a</w>", "painting</w>", "sea</w>"]
    words += [chr(letter) for letter in range(97, 123)] + [f"{chr(letter)}</w>" for letter in range(98, 123)]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, model_max_length=16)
    text = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=16,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    shape = {"block_out_channels": (8, 16), "layers_per_block": 1, "norm_num_groups": 4}
    network = diffusers.UNet2DConditionModel(
        **shape,
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
    )
    coder = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
    )
    pipeline = diffusers.StableDiffusionPipeline(
        vae=coder,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=network,
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    if with_controlnet:
        control = diffusers.ControlNetModel.from_unet(
            network, conditioning_embedding_out_channels=(8, 8, 8, 8)
        )
        for parameter in control.controlnet_down_blocks.parameters():
            torch.nn.init.normal_(parameter, std=0.5)  # they begin at zero, without any effect
        control.save_pretrained(folder / "controlnet")
    if with_adapter:
        _save_adapter(folder / "ip_adapter", network.attn_processors)
    return folder


def _save_adapter(folder: Path, processors: dict[str, object]) -> None:
    """An IP-Adapter of four tokens for a U-Net with these attention layers, and its picture encoder."""
    transformers = require("transformers", "a test")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPVisionConfig(**sizes, image_size=32, patch_size=16, projection_dim=8)
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * 16, 8),
        "image_proj.proj.bias": torch.zeros(4 * 16),
        "image_proj.norm.weight": torch.ones(16),
        "image_proj.norm.bias": torch.zeros(16),
    }
    for number in range(sum("attn2" in name for name in processors)):
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{part}.weight"] = torch.randn(16, 16)
    save_file(tensors, folder / "adapter.safetensors")
