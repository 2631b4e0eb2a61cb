"""The behaviours that code shows, and how much each matters when it is certain."""

from __future__ import annotations

LEVEL = {
    **dict.fromkeys(("TG01", "TG03", "TG04", "TG16", "TG17", "TG19"), "high"),
    **dict.fromkeys(("TG02", "TG05", "TG06", "TG08", "TG09", "TG10", "TG15", "TG20", "TG24", "TG25"), "medium"),
    **dict.fromkeys(("TG07", "TG11", "TG12", "TG13", "TG14", "TG18", "TG21", "TG22", "TG23"), "medium"),
    **dict.fromkeys(("HO09", "HO11", "HO13", "HO16", "HO19"), "high"),
}
BEHAVIOURS_SEEN = tuple(sorted(LEVEL))
