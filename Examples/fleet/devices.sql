-- What the devices say of themselves: `gleaner status --json` of each, in its folder.
SELECT
    model.name || ' version ' || model.version AS model,
    count(*) AS devices,
    sum(frames.offered)::BIGINT AS frames,
    sum(frames.stored)::BIGINT AS kept,
    sum(queue.exported + queue.labeled + queue.unusable)::BIGINT AS sent,
    sum(queue.labeled)::BIGINT AS labeled,
    sum(queue.unusable)::BIGINT AS unusable
FROM read_json('station-*/status.json')
GROUP BY ALL
ORDER BY ALL;
