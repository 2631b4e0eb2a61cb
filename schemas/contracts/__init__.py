"""What tables must keep to before any of it counts. No Beam; great_expectations is imported late.

A side computes figures, one small frame per table, and promises bounds for them; this core checks any such figures
against any such promises, and knows neither side:

    schemas.contracts.run      the staged tables of a monitoring run
    schemas.contracts.export   the staged shards of a training export, which must not know the other
"""
