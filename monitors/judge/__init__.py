"""The judge: a language model that reads whole traces. Pure here; `pipelines.judge` decides which, and pays for it.

windows -> questions -> (a client asks) -> answers -> quotes checked -> one verdict a trace
"""
