"""The names that people know the old nodes by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "IPAdapter": "IPAdapter",
        "IPAdapterAdvanced": "IPAdapter Advanced",
        "IPAdapterBatch": "IPAdapter Batch (Adv.)",
        "IPAdapterFaceID": "IPAdapter FaceID",
        "IPAdapterFaceIDKolors": "IPAdapter FaceID Kolors",
        "IPAAdapterFaceIDBatch": "IPAdapter FaceID Batch",
        "IPAdapterTiled": "IPAdapter Tiled",
        "IPAdapterTiledBatch": "IPAdapter Tiled Batch",
        "IPAdapterEmbeds": "IPAdapter Embeds",
        "IPAdapterEmbedsBatch": "IPAdapter Embeds Batch",
        "IPAdapterStyleComposition": "IPAdapter Style & Composition SDXL",
        "IPAdapterStyleCompositionBatch": "IPAdapter Style & Composition Batch SDXL",
        "IPAdapterMS": "IPAdapter Mad Scientist",
        "IPAdapterClipVisionEnhancer": "IPAdapter ClipVision Enhancer",
        "IPAdapterClipVisionEnhancerBatch": "IPAdapter ClipVision Enhancer Batch",
        "IPAdapterFromParams": "IPAdapter from Params",
        "IPAdapterPreciseStyleTransfer": "IPAdapter Precise Style Transfer",
        "IPAdapterPreciseStyleTransferBatch": "IPAdapter Precise Style Transfer Batch",
        "IPAdapterPreciseComposition": "IPAdapter Precise Composition",
        "IPAdapterPreciseCompositionBatch": "IPAdapter Precise Composition Batch",
        "IPAdapterUnifiedLoader": "IPAdapter Unified Loader",
        "IPAdapterUnifiedLoaderFaceID": "IPAdapter Unified Loader FaceID",
        "IPAdapterModelLoader": "IPAdapter Model Loader",
        "IPAdapterInsightFaceLoader": "IPAdapter InsightFace Loader",
        "IPAdapterUnifiedLoaderCommunity": "IPAdapter Unified Loader Community",
        "IPAdapterEncoder": "IPAdapter Encoder",
        "IPAdapterCombineEmbeds": "IPAdapter Combine Embeds",
        "IPAdapterNoise": "IPAdapter Noise",
        "PrepImageForClipVision": "Prep Image For ClipVision",
        "IPAdapterSaveEmbeds": "IPAdapter Save Embeds",
        "IPAdapterLoadEmbeds": "IPAdapter Load Embeds",
        "IPAdapterWeights": "IPAdapter Weights",
        "IPAdapterCombineWeights": "IPAdapter Combine Weights",
        "IPAdapterWeightsFromStrategy": "IPAdapter Weights From Strategy",
        "IPAdapterPromptScheduleFromWeightsStrategy": "Prompt Schedule From Weights Strategy",
        "IPAdapterRegionalConditioning": "IPAdapter Regional Conditioning",
        "IPAdapterCombineParams": "IPAdapter Combine Params",
        "IPAdapterApply": "Apply IPAdapter",
        "IPAdapterApplyFaceID": "Apply IPAdapter FaceID",
        "IPAdapterApplyEncoded": "Apply IPAdapter from Encoded",
        "IPAdapterTilesMasked": "IPAdapter Masked Tiles",
        "IPAdapterBatchEmbeds": "IPAdapter Batch Embeds",
        "InsightFaceLoader": "Load InsightFace",
        "PrepImageForInsightFace": "Prep Image For InsightFace",
        "InstantIDModelLoader": "Load InstantID Model",
        "InstantIDFaceAnalysis": "InstantID Face Analysis",
        "ApplyInstantID": "Apply InstantID",
        "ApplyInstantIDAdvanced": "Apply InstantID Advanced",
        "FaceKeypointsPreprocessor": "Face Keypoints Preprocessor",
        "InstantIDAttentionPatch": "InstantID Patch Attention",
        "ApplyInstantIDControlNet": "InstantID Apply ControlNet",
    }
)
"""Old node id -> its title."""
