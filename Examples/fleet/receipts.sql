-- What the devices wrote back: one document for each thing that lay in an inbox.
SELECT
    coalesce(model.name || ' version ' || model.version, 'labels') AS arrived,
    coalesce(model.state, failure.message, 'applied') AS outcome,
    count(DISTINCT device) AS devices,
    sum(labels.applied) AS labels_applied,
    sum(labels.rejected) AS labels_rejected
FROM read_json(
    's3://fleet/labeling/receipts/device=*/*.json',
    columns = {
        device: 'VARCHAR', failure: 'STRUCT(message VARCHAR)', labels: 'STRUCT(applied BIGINT, rejected BIGINT)',
        model: 'STRUCT(name VARCHAR, version INTEGER, state VARCHAR)'
    }
)
GROUP BY ALL
ORDER BY ALL;
