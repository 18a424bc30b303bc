"""The pages of the site, one module a question.

Belongs here: which rows a page reads and how it orders them. Does not belong here: markup (`templates/`).
"""
