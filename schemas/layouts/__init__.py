"""Adapters: whatever columns traces come in, canonical traces go out.

>>> import pyarrow as pa
>>> schema = pa.schema({"id": pa.string(), "cot": pa.string(), "output": pa.string()})
>>> adapter_for(schema, LayoutSettings(rename=(("reasoning", "cot"),)), "a.parquet").layout
'flat'
"""

from __future__ import annotations

from schemas.layouts.adapter import ARGUMENTS, Adapted, Adapter, DeadRow
from schemas.layouts.detect import ADAPTER_VERSION, LAYOUTS, LayoutSettings, adapter_for

__all__ = ["ADAPTER_VERSION", "ARGUMENTS", "LAYOUTS", "Adapted", "Adapter", "DeadRow", "LayoutSettings", "adapter_for"]
