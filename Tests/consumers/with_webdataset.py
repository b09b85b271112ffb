"""WebDataset's own reader and writer."""

import webdataset
from answers import Answer, does_not_read

answer = Answer()
if answer.format != "webdataset":
    does_not_read()
shards = sorted((answer.batch / "webdataset").glob("*.tar"))
for shard in shards:
    with webdataset.TarWriter(str(answer.folder / shard.name)) as writer:
        for sample in webdataset.WebDataset(f"file:{shard}", shardshuffle=False):
            picture = next(key for key in sample if key in ("jpg", "png"))
            answer.saw(f"{sample['__key__']}.{picture}", sample[picture])
            # Without the label in the JSON, where the class has an entry of its own.
            kept = {"__key__": sample["__key__"], picture: sample[picture]}
            kept |= {"cls": sample["cls"]} if "cls" in sample else {"json": sample["json"]}
            writer.write(kept)
    decoded = next(iter(webdataset.WebDataset(f"file:{shard}", shardshuffle=False).decode("pil")))
    assert decoded["json"]["width"] == decoded[picture].width
(answer.folder / "classes.txt").write_text((answer.batch / "webdataset/classes.txt").read_text())
answer.writes("webdataset", ".")
answer.leave()
