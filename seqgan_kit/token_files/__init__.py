"""A base for kinds of data whose items are files of steps, each step a few whole numbers.

A kind that inherits from :class:`~seqgan_kit.token_files.kind.TokenFiles` reads, writes and draws
its files; loading, codec, judge, pages, samples and recipes come from here.
"""
