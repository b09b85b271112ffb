-- The fleet's bucket as tables. Nothing but DuckDB and its httpfs is needed.
--
-- A batch is there once its manifest is: that is uploaded last. What lies beside no manifest is on its way, or was
-- left by a link that broke, and is looked at by nobody: so everything is joined to the manifests.

CREATE OR REPLACE TABLE batches AS
SELECT
    parse_dirpath(filename) AS folder,
    device,
    date,
    header.purpose AS purpose,
    header.sample_count AS sample_count,
    files
FROM read_json(
    's3://fleet/*/device=*/date=*/batch-*/manifest.json',
    columns = {header: 'STRUCT(purpose VARCHAR, sample_count BIGINT)', files: 'STRUCT(path VARCHAR, bytes BIGINT)[]'},
    filename = true, hive_partitioning = true, hive_types = {'device': 'VARCHAR', 'date': 'DATE'}
);

-- One line a sample: what was kept, why, and what the model said of it. Columns that nobody asks for are left out.
CREATE OR REPLACE TABLE samples AS
SELECT batches.folder, batches.purpose, batches.folder || '/' || line.file AS url, line.* EXCLUDE (filename, file)
FROM batches JOIN read_json(
    's3://fleet/*/device=*/date=*/batch-*/samples.jsonl',
    format = 'newline_delimited',
    columns = {
        id: 'VARCHAR', file: 'VARCHAR', sha256: 'VARCHAR', origin: 'VARCHAR', reason: 'VARCHAR', utility: 'DOUBLE',
        split: 'VARCHAR', model: 'STRUCT(name VARCHAR, version INTEGER)',
        label: 'STRUCT(kind VARCHAR, class VARCHAR)',
        prediction: 'STRUCT(classes STRUCT(label VARCHAR, score DOUBLE)[])'
    },
    filename = true, hive_partitioning = true, hive_types = {'device': 'VARCHAR', 'date': 'DATE'}
) AS line ON parse_dirpath(line.filename) = batches.folder;
