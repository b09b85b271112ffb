-- The queue of a deployment of schema 6: see Tests/GleanerStoreTests/OldDeployment.swift.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA application_id = 1196183122;
PRAGMA user_version = 6;
BEGIN;
CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
CREATE TABLE device (
  device_key INTEGER PRIMARY KEY,
  id INTEGER NOT NULL UNIQUE,
  machine BLOB CHECK (machine IS NULL OR length(machine) = 32)
) STRICT;
CREATE TABLE run (
  run_key INTEGER PRIMARY KEY,
  device_key INTEGER NOT NULL REFERENCES device,
  counter INTEGER NOT NULL UNIQUE CHECK (counter > 0),
  nonce INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL DEFAULT 0,
  swept INTEGER NOT NULL DEFAULT 0 CHECK (swept IN (0, 1)),
  started_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE source (source_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE seen (
  source_key INTEGER NOT NULL REFERENCES source,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  modified_ns INTEGER NOT NULL,
  PRIMARY KEY (source_key, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE collector_state (
  id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT, instant REAL NOT NULL
) STRICT;
CREATE TABLE model (
  model_key INTEGER PRIMARY KEY,
  name TEXT NOT NULL, version INTEGER NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
  task TEXT CHECK (task IN ('classification', 'detection')),
  UNIQUE (name, version, digest)
) STRICT;
CREATE TABLE sample (
  sample_key INTEGER PRIMARY KEY,
  run_key INTEGER NOT NULL REFERENCES run,
  sequence INTEGER NOT NULL CHECK (sequence > 0),
  model_key INTEGER NOT NULL REFERENCES model,
  top_class TEXT,
  reason TEXT NOT NULL,
  audit INTEGER NOT NULL CHECK (audit IN (0, 1)),
  utility REAL NOT NULL,
  coin INTEGER NOT NULL,
  eviction_key REAL NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  disk_bytes INTEGER NOT NULL CHECK (disk_bytes >= 0),
  encoding TEXT NOT NULL,
  home TEXT NOT NULL CHECK (home IN ('inline', 'file')),
  width INTEGER NOT NULL, height INTEGER NOT NULL,
  label_state TEXT NOT NULL DEFAULT 'queued'
    CHECK (label_state IN ('queued', 'exported', 'labeled', 'unusable', 'expired')),
  label_key INTEGER REFERENCES label,
  pixels TEXT NOT NULL DEFAULT 'present' CHECK (pixels IN ('present', 'evicted', 'quarantined')),
  kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
  held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
  acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)), represents INTEGER NOT NULL DEFAULT 0, scene INTEGER, probability REAL, confidence REAL, duplicate INTEGER NOT NULL DEFAULT 0, scored_by INTEGER REFERENCES model, exported_at REAL, scored_class TEXT, kept_at REAL NOT NULL DEFAULT 0,
  UNIQUE (run_key, sequence)
) STRICT;
CREATE TABLE record (
  sample_key INTEGER PRIMARY KEY REFERENCES sample,
  json BLOB NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT;
CREATE TABLE picture (sample_key INTEGER PRIMARY KEY REFERENCES sample, bytes BLOB NOT NULL) STRICT;
CREATE TABLE unwanted_file (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE total (
  outcome TEXT NOT NULL CHECK (outcome IN
    ('offered', 'stored', 'rejected', 'dropped', 'evicted', 'quarantined', 'label_rejected')),
  reason TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (outcome, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger (
  hour INTEGER NOT NULL,
  outcome TEXT NOT NULL, reason TEXT NOT NULL,
  model_key INTEGER NOT NULL, class TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0),
  PRIMARY KEY (hour, outcome, reason, model_key, class)
) STRICT, WITHOUT ROWID;
CREATE TABLE utility_histogram (
  model_key INTEGER NOT NULL REFERENCES model, bin INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (model_key, bin)
) STRICT, WITHOUT ROWID;
CREATE TABLE sample_count (
  label_state TEXT NOT NULL, pixels TEXT NOT NULL, audit INTEGER NOT NULL, home TEXT NOT NULL,
  count INTEGER NOT NULL CHECK (count >= 0), disk_bytes INTEGER NOT NULL CHECK (disk_bytes >= 0),
  PRIMARY KEY (label_state, pixels, audit, home)
) STRICT, WITHOUT ROWID;
CREATE TABLE label (
  label_key INTEGER PRIMARY KEY,
  sample_key INTEGER NOT NULL REFERENCES sample,
  revision INTEGER,
  json BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  UNIQUE (sample_key, json)
) STRICT;
CREATE TABLE batch (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  purpose TEXT NOT NULL CHECK (purpose IN ('labeling', 'training')),
  destination TEXT NOT NULL,
  formats TEXT NOT NULL,
  task TEXT NOT NULL CHECK (task IN ('classification', 'detection')),
  classes TEXT NOT NULL,
  device INTEGER NOT NULL,
  sample_count INTEGER NOT NULL CHECK (sample_count > 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'sealed', 'delivered', 'discarded')),
  digest BLOB UNIQUE CHECK (digest IS NULL OR length(digest) = 32),
  opened_ms INTEGER NOT NULL,
  delivered_ms INTEGER, opened_at REAL NOT NULL DEFAULT 0, delivered_at REAL, released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1)),
  CHECK ((state IN ('sealed', 'delivered')) <= (digest IS NOT NULL))
) STRICT;
CREATE TABLE batch_sample (
  number INTEGER NOT NULL REFERENCES batch,
  position INTEGER NOT NULL CHECK (position >= 0),
  sample_key INTEGER NOT NULL REFERENCES sample,
  label_key INTEGER REFERENCES label,
  PRIMARY KEY (number, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
  event_key INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL, message TEXT NOT NULL, detail TEXT, at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE embedding (
  sample_key INTEGER PRIMARY KEY REFERENCES sample,
  model_key INTEGER NOT NULL REFERENCES model,
  bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 128)
) STRICT;
CREATE TABLE rescore (
  sample_key INTEGER NOT NULL REFERENCES sample,
  model_key INTEGER NOT NULL REFERENCES model,
  prediction BLOB NOT NULL,
  PRIMARY KEY (sample_key, model_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE assessment (
  model_key INTEGER NOT NULL REFERENCES model,
  sample_key INTEGER NOT NULL REFERENCES sample,
  hits INTEGER NOT NULL, false_alarms INTEGER NOT NULL, misses INTEGER NOT NULL,
  PRIMARY KEY (model_key, sample_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE exposure (
  model_key INTEGER PRIMARY KEY REFERENCES model,
  fresh INTEGER NOT NULL DEFAULT 0,
  confidence_sum REAL NOT NULL DEFAULT 0,
  duplicates INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE evicted_key (id INTEGER PRIMARY KEY CHECK (id = 1), smallest REAL NOT NULL) STRICT;
CREATE TABLE segment (
  segment_key INTEGER PRIMARY KEY AUTOINCREMENT,
  run_key INTEGER NOT NULL REFERENCES run,
  first INTEGER NOT NULL,
  start TEXT NOT NULL,
  byte_count INTEGER NOT NULL
) STRICT;
CREATE TABLE decision (
  decision_key INTEGER PRIMARY KEY,
  segment_key INTEGER NOT NULL REFERENCES segment,
  first INTEGER NOT NULL,
  records BLOB NOT NULL
) STRICT;
CREATE TABLE selector_change (
  change_key INTEGER PRIMARY KEY,
  segment_key INTEGER NOT NULL REFERENCES segment,
  before INTEGER NOT NULL,
  json TEXT NOT NULL
) STRICT;
CREATE TABLE "model_slot" (
  model_key INTEGER PRIMARY KEY REFERENCES model,
  manifest TEXT NOT NULL,
  folder TEXT,
  state TEXT NOT NULL CHECK (state IN ('staged', 'shadow', 'active', 'previous', 'retired', 'rejected')),
  activated_order INTEGER,
  reason TEXT,
  course TEXT NOT NULL,
  verdict TEXT,
  signer TEXT
) STRICT;
CREATE TABLE destination (place TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE delivery_note (
  number INTEGER NOT NULL REFERENCES batch, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (number, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE arrival (
  place TEXT NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  receipt TEXT NOT NULL,
  is_left INTEGER NOT NULL DEFAULT 0 CHECK (is_left IN (0, 1)),
  PRIMARY KEY (place, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE sync_wish (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL) STRICT;
INSERT INTO "grdb_migrations" VALUES ('1');
INSERT INTO "grdb_migrations" VALUES ('2');
INSERT INTO "grdb_migrations" VALUES ('3');
INSERT INTO "grdb_migrations" VALUES ('4');
INSERT INTO "grdb_migrations" VALUES ('5');
INSERT INTO "grdb_migrations" VALUES ('6');
INSERT INTO "device" VALUES (1, 1234605616436508552, NULL);
INSERT INTO "run" VALUES (1, 1, 1, -7373874951294615808, 6, 1, 1750000000000);
INSERT INTO "source" VALUES (1, 'folder:camera');
INSERT INTO "seen" VALUES (1, '1.png', 69, 1);
INSERT INTO "seen" VALUES (1, '2.png', 69, 2);
INSERT INTO "seen" VALUES (1, '3.png', 69, 3);
INSERT INTO "seen" VALUES (1, '4.png', 69, 4);
INSERT INTO "seen" VALUES (1, '5.png', 69, 5);
INSERT INTO "seen" VALUES (1, '6.png', 69, 6);
INSERT INTO "collector_state" VALUES (1, NULL, 3600.5);
INSERT INTO "model" VALUES (1, 'digits', 1, X'CD36B49D7B2A8B5E4E13663CB54C5E1338C17B7D3AF1C506FB3842BD08291822', 'classification');
INSERT INTO "model" VALUES (2, 'digits', 2, X'97E2521720CB4B3821C7ED9DF7DBCA7A63E04B42BA05FFE3E15DC992F227AE36', 'classification');
INSERT INTO "model" VALUES (3, 'digits', 3, X'A63F0DFE98CC2A03A21873A3AB0D209EAE44045E3810B79A104D42783E2CA194', 'classification');
INSERT INTO "sample" VALUES (1, 1, 1, 1, '3', 'margin', 0, 0.5, 1, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'inline', 1, 1, 'queued', NULL, 'present', 0, 1, 0, 1, 1, 1.0, 0.75, 0, 2, NULL, 'other', 60.0);
INSERT INTO "sample" VALUES (2, 1, 2, 1, '3', 'audit', 1, 0.5, 2, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'inline', 1, 1, 'labeled', 2, 'present', 0, 0, 0, 0, 1, 0.25, 0.75, 0, 2, NULL, 'other', 120.0);
INSERT INTO "sample" VALUES (3, 1, 3, 1, '3', 'margin', 0, 0.5, 3, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'file', 1, 1, 'exported', NULL, 'present', 0, 1, 1, 1, 1, 1.0, 0.75, 0, 2, 1800.0, 'other', 180.0);
INSERT INTO "sample" VALUES (4, 1, 4, 1, '3', 'margin', 0, 0.5, 4, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'inline', 1, 1, 'expired', NULL, 'evicted', 0, 0, 0, 0, 1, 1.0, 0.75, 0, 2, NULL, 'other', 240.0);
INSERT INTO "sample" VALUES (5, 1, 5, 2, '3', 'margin', 0, 0.5, 5, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'inline', 1, 1, 'unusable', 3, 'present', 1, 0, 0, 1, 1, 1.0, 0.75, 0, 2, NULL, '3', 300.0);
INSERT INTO "sample" VALUES (6, 1, 6, 2, '3', 'margin', 0, 0.5, 6, 0.5, X'9853E99CB7E9817F7EE8B6FB9ADE7C8E023D2520647034A098F7F85ED81E9CB0', 69, 4096, 'png', 'inline', 1, 1, 'queued', NULL, 'present', 0, 0, 0, 0, 1, 1.0, 0.75, 0, 2, NULL, '3', 360.0);
INSERT INTO "record" VALUES (1, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-1","inclusion_probability":1,"model":{"name":"digits","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","version":1},"origin":"1.png","perceptual_hash":"0000000000000001","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"margin","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"train","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'F7132E4FECB962ECA331F7CF1AD6A4627F2310835788945F3205E154AB158539');
INSERT INTO "record" VALUES (2, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-2","inclusion_probability":0.25,"model":{"name":"digits","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","version":1},"origin":"2.png","perceptual_hash":"0000000000000002","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"audit","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"test","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'C2AF094F8931F2A60D8D749480EF841C89764DB76CFB5C22B0CCD678899283D8');
INSERT INTO "record" VALUES (3, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-3","inclusion_probability":1,"model":{"name":"digits","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","version":1},"origin":"3.png","perceptual_hash":"0000000000000003","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"margin","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"train","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'5528CFC3C7D1CA5983212F7C586B47B8F5B3A75A2A964459D98C1D99003F3DAA');
INSERT INTO "record" VALUES (4, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-4","inclusion_probability":1,"model":{"name":"digits","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","version":1},"origin":"4.png","perceptual_hash":"0000000000000004","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"margin","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"train","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'1D573BEF714F747EE69E81F9AFB708D75E06376BFB1E40AADD693554045B8E7C');
INSERT INTO "record" VALUES (5, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-5","inclusion_probability":1,"model":{"name":"digits","sha256":"97e2521720cb4b3821c7ed9df7dbca7a63e04b42ba05ffe3e15dc992f227ae36","version":2},"origin":"5.png","perceptual_hash":"0000000000000005","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"margin","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"train","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'DDFF7AB812DDA46D0095CD9ED4FBF2B0EF7CB8645D70A53D9A09F537BE4AFBC3');
INSERT INTO "record" VALUES (6, CAST('{"bytes":69,"captured_at":"2025-06-15T15:06:40.000Z","distance":0.5,"encoding":"png","file":"","height":1,"id":"1122334455667788-r1x99aabbccddeeff00-6","inclusion_probability":1,"model":{"name":"digits","sha256":"97e2521720cb4b3821c7ed9df7dbca7a63e04b42ba05ffe3e15dc992f227ae36","version":2},"origin":"6.png","perceptual_hash":"0000000000000006","prediction":{"classes":[{"label":"3","score":0.75},{"label":"other","score":0.25}],"task":"classification"},"reason":"margin","scene":1,"sha256":"9853e99cb7e9817f7ee8b6fb9ade7c8e023d2520647034a098f7f85ed81e9cb0","source":"folder:camera","split":"train","uncertainty_weight":0.25,"utility":0.5,"width":1}' AS BLOB), X'E8B3F7A91864E4C19884A14FE3B3F8DD429607742845F9E81658607A2913C447');
INSERT INTO "picture" VALUES (1, X'89504E470D0A1A0A0000000D4948445200000001000000010802000000907753DE0000000C4944415478DA63F8FFFF3F0005FE02FE331295140000000049454E44AE426082');
INSERT INTO "picture" VALUES (2, X'89504E470D0A1A0A0000000D4948445200000001000000010802000000907753DE0000000C4944415478DA63F8FFFF3F0005FE02FE331295140000000049454E44AE426082');
INSERT INTO "picture" VALUES (5, X'89504E470D0A1A0A0000000D4948445200000001000000010802000000907753DE0000000C4944415478DA63F8FFFF3F0005FE02FE331295140000000049454E44AE426082');
INSERT INTO "picture" VALUES (6, X'89504E470D0A1A0A0000000D4948445200000001000000010802000000907753DE0000000C4944415478DA63F8FFFF3F0005FE02FE331295140000000049454E44AE426082');
INSERT INTO "unwanted_file" VALUES ('frames/gone.png', 4096);
INSERT INTO "total" VALUES ('dropped', 'unreadable', 1);
INSERT INTO "total" VALUES ('evicted', 'quota', 1);
INSERT INTO "total" VALUES ('label_rejected', '', 1);
INSERT INTO "total" VALUES ('offered', '', 9);
INSERT INTO "total" VALUES ('rejected', 'duplicate', 2);
INSERT INTO "total" VALUES ('stored', 'audit', 1);
INSERT INTO "total" VALUES ('stored', 'margin', 5);
INSERT INTO "ledger" VALUES (0, 'rejected', 'duplicate', 1, '3', 2);
INSERT INTO "ledger" VALUES (0, 'stored', 'audit', 1, '3', 1);
INSERT INTO "ledger" VALUES (0, 'stored', 'margin', 1, '3', 3);
INSERT INTO "ledger" VALUES (1, 'dropped', 'unreadable', 0, '', 1);
INSERT INTO "ledger" VALUES (1, 'evicted', 'quota', 1, '3', 1);
INSERT INTO "ledger" VALUES (1, 'stored', 'margin', 2, '3', 2);
INSERT INTO "utility_histogram" VALUES (1, 50, 4);
INSERT INTO "utility_histogram" VALUES (2, 50, 2);
INSERT INTO "sample_count" VALUES ('expired', 'evicted', 0, 'inline', 1, 4096);
INSERT INTO "sample_count" VALUES ('exported', 'present', 0, 'file', 1, 4096);
INSERT INTO "sample_count" VALUES ('labeled', 'present', 1, 'inline', 1, 4096);
INSERT INTO "sample_count" VALUES ('queued', 'present', 0, 'inline', 2, 8192);
INSERT INTO "sample_count" VALUES ('unusable', 'present', 0, 'inline', 1, 4096);
INSERT INTO "label" VALUES (1, 2, 1, CAST('{"author":"ann","class":"other","kind":"class","revision":1}' AS BLOB), 1750000000000);
INSERT INTO "label" VALUES (2, 2, 2, CAST('{"author":"ann","class":"3","kind":"class","revision":2}' AS BLOB), 1750000000001);
INSERT INTO "label" VALUES (3, 5, NULL, CAST('{"kind":"unusable"}' AS BLOB), 1750000000002);
INSERT INTO "batch" VALUES (1, 'labeling', 'stick', '["csv"]', 'classification', '["3","other"]', 1234605616436508552, 1, 'delivered', X'E8DD3D6EFCBCBFD661CE183F441401A2FD17654D9D2A3CA56214D6EF05988AE1', 1750000000001, 1750000000010, 600.0, 660.0, 0);
INSERT INTO "batch" VALUES (2, 'labeling', 'stick', '["csv"]', 'classification', '["3","other"]', 1234605616436508552, 1, 'sealed', X'96038C720F0575DB881C6FA8412B57EF49863C7AF3F3AEC1AB12FD57E6F528D6', 1750000000002, NULL, 1200.0, NULL, 0);
INSERT INTO "batch" VALUES (3, 'training', 'stick', '["csv"]', 'classification', '["3","other"]', 1234605616436508552, 1, 'delivered', X'2CFD5C252F2ADF7E05D845B1E5EA2A81F970EA3CC6DCEAA43CDBBE837C426121', 1750000000003, 1750000000010, 1800.0, 1860.0, 1);
INSERT INTO "batch_sample" VALUES (1, 0, 3, NULL);
INSERT INTO "batch_sample" VALUES (2, 0, 1, NULL);
INSERT INTO "batch_sample" VALUES (3, 0, 2, 2);
INSERT INTO "event" VALUES (1, 'model.activated', 'model digits@2 is active', '{"version":2}', 1750000001000);
INSERT INTO "embedding" VALUES (1, 2, X'0102030405060708');
INSERT INTO "embedding" VALUES (2, 2, X'0102030405060708');
INSERT INTO "embedding" VALUES (3, 2, X'0102030405060708');
INSERT INTO "embedding" VALUES (5, 2, X'0102030405060708');
INSERT INTO "embedding" VALUES (6, 2, X'0102030405060708');
INSERT INTO "rescore" VALUES (1, 2, CAST('{"classes":[{"label":"other","score":0.75},{"label":"other","score":0.25}],"task":"classification"}' AS BLOB));
INSERT INTO "rescore" VALUES (2, 2, CAST('{"classes":[{"label":"other","score":0.75},{"label":"other","score":0.25}],"task":"classification"}' AS BLOB));
INSERT INTO "rescore" VALUES (3, 2, CAST('{"classes":[{"label":"other","score":0.75},{"label":"other","score":0.25}],"task":"classification"}' AS BLOB));
INSERT INTO "assessment" VALUES (1, 2, 1, 0, 0);
INSERT INTO "assessment" VALUES (2, 2, 0, 1, 1);
INSERT INTO "exposure" VALUES (1, 4, 3.0, 1);
INSERT INTO "exposure" VALUES (2, 2, 1.5, 1);
INSERT INTO "evicted_key" VALUES (1, 0.75);
INSERT INTO "segment" VALUES (1, 1, 1, '{"seed":1}', 100);
INSERT INTO "decision" VALUES (1, 1, 1, X'000102030405060708090A0B0C0D0E0F');
INSERT INTO "selector_change" VALUES (1, 1, 3, '{"competence":0.5}');
INSERT INTO "model_slot" VALUES (1, '{"bytes":7,"decoder":{"name":"classification"},"file":"model.onnx","input":{"color":"RGB","filter":"bilinear","fit":"stretch","height":32,"layout":"NCHW","mean":[0],"pad_value":114,"scale":1,"std":[1],"type":"float32","width":32},"labels":["3","other"],"name":"digits","schema":"gleaner/model-bundle/1","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","task":"classification","version":1}', 'digits-1-cd36b49d', 'previous', 1, NULL, '{"crashCount":0,"cutCount":0,"failedInService":false,"reason":null,"servedCount":7,"stage":"confirmed"}', '{"at":"2025-06-15T15:06:40.000Z","gate":{"classes":[],"labels":0,"losses":0,"margin":0.125,"message":"no model serves yet","outcome":"alone","requirement":"not_worse","wins":0},"model":{"name":"digits","sha256":"cd36b49d7b2a8b5e4e13663cb54c5e1338c17b7d3af1c506fb3842bd08291822","version":1},"proof":{"frames":8,"golden_frames":0,"latency_ms":5.5,"load_seconds":0.5,"memory_bytes":50000000,"walls":[]},"schema":"gleaner/model-verdict/1"}', NULL);
INSERT INTO "model_slot" VALUES (2, '{"bytes":7,"decoder":{"name":"classification"},"file":"model.onnx","input":{"color":"RGB","filter":"bilinear","fit":"stretch","height":32,"layout":"NCHW","mean":[0],"pad_value":114,"scale":1,"std":[1],"type":"float32","width":32},"labels":["3","other"],"name":"digits","schema":"gleaner/model-bundle/1","sha256":"97e2521720cb4b3821c7ed9df7dbca7a63e04b42ba05ffe3e15dc992f227ae36","task":"classification","version":2}', 'digits-2-97e25217', 'active', 2, NULL, '{"crashCount":0,"cutCount":0,"failedInService":false,"reason":null,"servedCount":7,"stage":"probation"}', '{"at":"2025-06-15T15:06:40.000Z","gate":{"classes":[],"labels":0,"losses":0,"margin":0.125,"message":"no model serves yet","outcome":"alone","requirement":"not_worse","wins":0},"model":{"name":"digits","sha256":"97e2521720cb4b3821c7ed9df7dbca7a63e04b42ba05ffe3e15dc992f227ae36","version":2},"proof":{"frames":8,"golden_frames":0,"latency_ms":5.5,"load_seconds":0.5,"memory_bytes":50000000,"walls":[]},"schema":"gleaner/model-verdict/1"}', 'ed25519:orchard');
INSERT INTO "model_slot" VALUES (3, '{"bytes":7,"decoder":{"name":"classification"},"file":"model.onnx","input":{"color":"RGB","filter":"bilinear","fit":"stretch","height":32,"layout":"NCHW","mean":[0],"pad_value":114,"scale":1,"std":[1],"type":"float32","width":32},"labels":["3","other"],"name":"digits","schema":"gleaner/model-bundle/1","sha256":"a63f0dfe98cc2a03a21873a3ab0d209eae44045e3810b79a104d42783e2ca194","task":"classification","version":3}', NULL, 'rejected', NULL, 'it gave no finite number', '{"crashCount":0,"cutCount":0,"failedInService":false,"reason":"it gave no finite number","servedCount":7,"stage":"rejected"}', '{"at":"2025-06-15T15:06:40.000Z","gate":{"classes":[],"labels":0,"losses":0,"margin":0.125,"message":"no model serves yet","outcome":"alone","requirement":"not_worse","wins":0},"model":{"name":"digits","sha256":"a63f0dfe98cc2a03a21873a3ab0d209eae44045e3810b79a104d42783e2ca194","version":3},"proof":{"failure":{"code":"model.nonsense","message":"it gave no finite number","remedy":"train it anew"},"frames":8,"golden_frames":0,"latency_ms":5.5,"load_seconds":0.5,"memory_bytes":50000000,"walls":[]},"schema":"gleaner/model-verdict/1"}', NULL);
INSERT INTO "destination" VALUES ('folder:/media/stick', '{"failures":0}');
INSERT INTO "delivery_note" VALUES (2, 'upload', 'https://depot.example/1');
INSERT INTO "arrival" VALUES ('folder:/media/stick', 'labels/csv/labels.csv', '1', X'D772EBB4590212C65CC31888EE55C3A893D866D8479F84A4C0CA36918A3FA75F', '{"applied":1}', 1);
INSERT INTO "sync_wish" VALUES (1, 2);
INSERT INTO "sqlite_sequence" VALUES ('batch', 3);
INSERT INTO "sqlite_sequence" VALUES ('event', 1);
INSERT INTO "sqlite_sequence" VALUES ('segment', 1);
CREATE INDEX run_unswept ON run (run_key) WHERE swept = 0;
CREATE INDEX sample_by_utility ON sample (utility, sample_key);
CREATE INDEX sample_by_state ON sample (label_state, sample_key);
CREATE INDEX sample_by_state_utility ON sample (label_state, utility, sample_key);
CREATE INDEX sample_by_class ON sample (top_class, sample_key);
CREATE INDEX sample_evictable ON sample (audit, acknowledged DESC, eviction_key DESC, sample_key)
  WHERE pixels = 'present' AND kept = 0 AND held = 0;
CREATE INDEX sample_labelable ON sample (audit, utility DESC, sample_key)
  WHERE label_state = 'queued' AND pixels = 'present' AND held = 0;
CREATE INDEX sample_labelable_audit ON sample (coin, sample_key)
  WHERE label_state = 'queued' AND pixels = 'present' AND held = 0 AND audit = 1;
CREATE INDEX sample_trainable ON sample (sample_key)
  WHERE label_state = 'labeled' AND pixels = 'present';
CREATE TRIGGER sample_added AFTER INSERT ON sample BEGIN
  INSERT INTO sample_count VALUES (NEW.label_state, NEW.pixels, NEW.audit, NEW.home, 1, NEW.disk_bytes)
  ON CONFLICT DO UPDATE SET count = count + 1, disk_bytes = disk_bytes + excluded.disk_bytes;
END;
CREATE TRIGGER sample_changed AFTER UPDATE OF label_state, pixels ON sample
WHEN OLD.label_state <> NEW.label_state OR OLD.pixels <> NEW.pixels BEGIN
  UPDATE sample_count SET count = count - 1, disk_bytes = disk_bytes - OLD.disk_bytes
  WHERE label_state = OLD.label_state AND pixels = OLD.pixels AND audit = OLD.audit AND home = OLD.home;
  INSERT INTO sample_count VALUES (NEW.label_state, NEW.pixels, NEW.audit, NEW.home, 1, NEW.disk_bytes)
  ON CONFLICT DO UPDATE SET count = count + 1, disk_bytes = disk_bytes + excluded.disk_bytes;
END;
CREATE INDEX batch_unfinished ON batch (number) WHERE state IN ('open', 'sealed');
CREATE INDEX batch_sample_by_sample ON batch_sample (sample_key, number);
CREATE INDEX sample_by_scorer ON sample (scored_by, sample_key) WHERE pixels = 'present';
CREATE INDEX sample_awaited ON sample (exported_at) WHERE label_state = 'exported';
CREATE INDEX assessment_by_sample ON assessment (sample_key);
CREATE INDEX sample_of_class ON sample (scored_class) WHERE pixels = 'present' AND audit = 0;
CREATE INDEX segment_by_run ON segment (run_key, first);
CREATE INDEX decision_by_segment ON decision (segment_key, first);
CREATE INDEX selector_change_by_segment ON selector_change (segment_key, before);
CREATE UNIQUE INDEX model_slot_active ON model_slot (state) WHERE state = 'active';
CREATE UNIQUE INDEX model_slot_previous ON model_slot (state) WHERE state = 'previous';
CREATE UNIQUE INDEX model_slot_shadow ON model_slot (state) WHERE state = 'shadow';
CREATE INDEX batch_unreleased ON batch (delivered_at) WHERE state = 'delivered' AND released = 0;
CREATE INDEX batch_by_destination ON batch (destination, purpose, number);
CREATE INDEX arrival_by_digest ON arrival (sha256);
COMMIT;
