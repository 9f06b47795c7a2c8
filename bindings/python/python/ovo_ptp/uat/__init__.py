"""The scenarios that OVO's reviewers ask for before production, played and written down.

`ovo-ptp uat` is the program; nothing here is needed to take payments.
"""
