import GRDB

/// The tables, as migrations: a released one is never changed.
enum Schema {
    /// `GLNR`: tells our databases from everybody else's.
    static let applicationID = 0x474c_4e52
    /// The number of migrations, kept as `user_version` so that a newer database is known by its first 100 bytes.
    static let version = 9

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = 1")
            try db.execute(sql: identity + samples + counters + labels + batches + models + history)
        }
        migrator.registerMigration("2") { db in
            try db.execute(sql: "PRAGMA user_version = 2")
            try db.execute(sql: feedback)
        }
        migrator.registerMigration("3") { db in
            try db.execute(sql: "PRAGMA user_version = 3")
            try db.execute(sql: scoredClass)
        }
        migrator.registerMigration("4") { db in
            try db.execute(sql: "PRAGMA user_version = 4")
            try db.execute(sql: decisions)
        }
        migrator.registerMigration("5") { db in
            try db.execute(sql: "PRAGMA user_version = 5")
            try db.execute(sql: courses)
        }
        migrator.registerMigration("6") { db in
            try db.execute(sql: "PRAGMA user_version = 6")
            try db.execute(sql: syncing)
        }
        migrator.registerMigration("7") { db in
            try db.execute(sql: "PRAGMA user_version = 7")
            try db.execute(sql: loop)
        }
        migrator.registerMigration("8") { db in
            try db.execute(sql: "PRAGMA user_version = 8")
            try db.execute(sql: answers)
        }
        // No row changes, and so none is checked: that would take as long again.
        migrator.registerMigration("9", foreignKeyChecks: .immediate) { db in
            try db.execute(sql: "PRAGMA user_version = 9")
            try db.execute(sql: parts)
        }
        return migrator
    }

    private static let identity = """
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
        CREATE INDEX run_unswept ON run (run_key) WHERE swept = 0;
        CREATE TABLE source (source_key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
        -- A frame's origin: a file written anew under its name replaces what was known of it.
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

        """

    /// A sample's row has what is searched, chosen and counted by; its record is the lossless whole, apart.
    private static let samples = """
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
          acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
          UNIQUE (run_key, sequence)
        ) STRICT;
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
        CREATE TABLE record (
          sample_key INTEGER PRIMARY KEY REFERENCES sample,
          json BLOB NOT NULL,
          sha256 BLOB NOT NULL CHECK (length(sha256) = 32)
        ) STRICT;
        CREATE TABLE picture (sample_key INTEGER PRIMARY KEY REFERENCES sample, bytes BLOB NOT NULL) STRICT;
        -- Files whose rows are gone already: a crash between the two leaves the name here, never an orphan.
        CREATE TABLE unwanted_file (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;

        """

    /// Small tables that answer what a sum over all samples would take seconds for.
    private static let counters = """
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

        """

    private static let labels = """
        CREATE TABLE label (
          label_key INTEGER PRIMARY KEY,
          sample_key INTEGER NOT NULL REFERENCES sample,
          revision INTEGER,
          json BLOB NOT NULL,
          received_ms INTEGER NOT NULL,
          UNIQUE (sample_key, json)
        ) STRICT;

        """

    private static let batches = """
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
          delivered_ms INTEGER,
          CHECK ((state IN ('sealed', 'delivered')) <= (digest IS NOT NULL))
        ) STRICT;
        CREATE INDEX batch_unfinished ON batch (number) WHERE state IN ('open', 'sealed');
        CREATE TABLE batch_sample (
          number INTEGER NOT NULL REFERENCES batch,
          position INTEGER NOT NULL CHECK (position >= 0),
          sample_key INTEGER NOT NULL REFERENCES sample,
          label_key INTEGER REFERENCES label,
          PRIMARY KEY (number, position)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX batch_sample_by_sample ON batch_sample (sample_key, number);

        """

    private static let models = """
        CREATE TABLE model_slot (
          model_key INTEGER PRIMARY KEY REFERENCES model,
          manifest TEXT NOT NULL,
          folder TEXT,
          state TEXT NOT NULL CHECK (state IN ('staged', 'active', 'previous', 'retired', 'rejected')),
          activated_order INTEGER,
          reason TEXT
        ) STRICT;
        CREATE UNIQUE INDEX model_slot_active ON model_slot (state) WHERE state = 'active';
        CREATE UNIQUE INDEX model_slot_previous ON model_slot (state) WHERE state = 'previous';

        """

    private static let history = """
        CREATE TABLE event (
          event_key INTEGER PRIMARY KEY AUTOINCREMENT,
          kind TEXT NOT NULL, message TEXT NOT NULL, detail TEXT, at_ms INTEGER NOT NULL
        ) STRICT;
        """

    /// What the newest model makes of a sample, and what labels say of each model's predictions.
    private static let feedback = """
        -- Frames that were not kept because this sample stands for them.
        ALTER TABLE sample ADD COLUMN represents INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE sample ADD COLUMN scene INTEGER;
        ALTER TABLE sample ADD COLUMN probability REAL;
        ALTER TABLE sample ADD COLUMN confidence REAL;
        -- Looked like a kept sample: an audit sample that nothing but the coin would have kept.
        ALTER TABLE sample ADD COLUMN duplicate INTEGER NOT NULL DEFAULT 0;
        -- Whose utility the sample has; the model that predicted it live is model_key.
        ALTER TABLE sample ADD COLUMN scored_by INTEGER REFERENCES model;
        -- In collecting time: when a destination had it.
        ALTER TABLE sample ADD COLUMN exported_at REAL;
        UPDATE sample SET scored_by = model_key;
        CREATE INDEX sample_by_scorer ON sample (scored_by, sample_key) WHERE pixels = 'present';
        CREATE INDEX sample_awaited ON sample (exported_at) WHERE label_state = 'exported';
        CREATE TABLE embedding (
          sample_key INTEGER PRIMARY KEY REFERENCES sample,
          model_key INTEGER NOT NULL REFERENCES model,
          bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 128)
        ) STRICT;
        -- What later models say of a sample; the first prediction is in its record.
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
        CREATE INDEX assessment_by_sample ON assessment (sample_key);
        -- All frames that a model was offered: what its accuracy is estimated for.
        CREATE TABLE exposure (
          model_key INTEGER PRIMARY KEY REFERENCES model,
          fresh INTEGER NOT NULL DEFAULT 0,
          confidence_sum REAL NOT NULL DEFAULT 0,
          duplicates INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        """

    private static let scoredClass = """
        -- What the model that scored it last says that it shows; top_class is what the one said that predicted it live.
        ALTER TABLE sample ADD COLUMN scored_class TEXT;
        UPDATE sample SET scored_class = top_class;
        """

    private static let decisions = """
        -- The smallest key of a sample that was evicted for its key: it gives the others' chance to stay.
        CREATE TABLE evicted_key (id INTEGER PRIMARY KEY CHECK (id = 1), smallest REAL NOT NULL) STRICT;
        CREATE INDEX sample_of_class ON sample (scored_class) WHERE pixels = 'present' AND audit = 0;
        -- In collecting time; of older samples it is not known.
        ALTER TABLE sample ADD COLUMN kept_at REAL NOT NULL DEFAULT 0;
        -- What was decided about every frame lately: for deciding anew. The oldest segments make room.
        CREATE TABLE segment (
          segment_key INTEGER PRIMARY KEY AUTOINCREMENT,
          run_key INTEGER NOT NULL REFERENCES run,
          first INTEGER NOT NULL,
          start TEXT NOT NULL,
          byte_count INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX segment_by_run ON segment (run_key, first);
        CREATE TABLE decision (
          decision_key INTEGER PRIMARY KEY,
          segment_key INTEGER NOT NULL REFERENCES segment,
          first INTEGER NOT NULL,
          records BLOB NOT NULL
        ) STRICT;
        CREATE INDEX decision_by_segment ON decision (segment_key, first);
        -- What changed from outside before a frame.
        CREATE TABLE selector_change (
          change_key INTEGER PRIMARY KEY,
          segment_key INTEGER NOT NULL REFERENCES segment,
          before INTEGER NOT NULL,
          json TEXT NOT NULL
        ) STRICT;
        CREATE INDEX selector_change_by_segment ON selector_change (segment_key, before);
        """

    /// A model's course, verdict and signer; and a model may be in the shadow of the active one.
    private static let courses = """
        CREATE TABLE model_slot_with_course (
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
        INSERT INTO model_slot_with_course SELECT model_key, manifest, folder, state, activated_order, reason,
          json_object(
            'stage', CASE WHEN state IN ('staged', 'rejected') THEN state ELSE 'confirmed' END, 'reason', reason,
            'failedInService', json(iif(state = 'rejected', 'true', 'false')), 'servedCount', 0, 'crashCount', 0,
            'cutCount', 0),
          NULL, NULL FROM model_slot;
        DROP TABLE model_slot;
        ALTER TABLE model_slot_with_course RENAME TO model_slot;
        CREATE UNIQUE INDEX model_slot_active ON model_slot (state) WHERE state = 'active';
        CREATE UNIQUE INDEX model_slot_previous ON model_slot (state) WHERE state = 'previous';
        CREATE UNIQUE INDEX model_slot_shadow ON model_slot (state) WHERE state = 'shadow';
        """

    /// What those were answered who handed frames over, for when they ask again.
    private static let answers = """
        CREATE TABLE answer (
          answer_key INTEGER PRIMARY KEY,
          source_key INTEGER NOT NULL REFERENCES source,
          name TEXT NOT NULL,
          decision TEXT NOT NULL CHECK (decision IN ('stored', 'rejected', 'dropped')),
          reason TEXT NOT NULL,
          sample TEXT,
          UNIQUE (source_key, name)
        ) STRICT;
        """

    /// What is known of destinations, and how long their receipts are not trusted blindly.
    private static let syncing = """
        -- In collecting time, as is delivered_at. A delivered batch holds its members until it is released.
        ALTER TABLE batch ADD COLUMN opened_at REAL NOT NULL DEFAULT 0;
        ALTER TABLE batch ADD COLUMN delivered_at REAL;
        ALTER TABLE batch ADD COLUMN released INTEGER NOT NULL DEFAULT 0 CHECK (released IN (0, 1));
        UPDATE batch SET released = 1 WHERE state IN ('delivered', 'discarded');
        CREATE INDEX batch_unreleased ON batch (delivered_at) WHERE state = 'delivered' AND released = 0;
        CREATE INDEX batch_by_destination ON batch (destination, purpose, number);
        -- How it went with a destination, as JSON.
        CREATE TABLE destination (place TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
        -- What a destination remembers of a delivery across restarts.
        CREATE TABLE delivery_note (
          number INTEGER NOT NULL REFERENCES batch, key TEXT NOT NULL, value TEXT NOT NULL,
          PRIMARY KEY (number, key)
        ) STRICT, WITHOUT ROWID;
        -- What came from a destination, and what became of it.
        CREATE TABLE arrival (
          place TEXT NOT NULL, name TEXT NOT NULL, tag TEXT NOT NULL,
          sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
          receipt TEXT NOT NULL,
          is_left INTEGER NOT NULL DEFAULT 0 CHECK (is_left IN (0, 1)),
          PRIMARY KEY (place, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX arrival_by_digest ON arrival (sha256);
        CREATE TABLE sync_wish (id INTEGER PRIMARY KEY CHECK (id = 1), count INTEGER NOT NULL) STRICT;
        """

    /// How fast the collector's loop is, as JSON.
    private static let loop = """
        CREATE TABLE loop_report (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL) STRICT;
        """

    /// Indexes in which a sample has a place of its own are cut by age: see ``PartMerge``.
    private static let parts = """
        DROP INDEX sample_by_utility;
        DROP INDEX sample_by_state_utility;
        DROP INDEX sample_evictable;
        DROP INDEX sample_labelable;
        CREATE INDEX sample_by_utility ON sample (label_state, sample_key >> 10, utility);
        CREATE INDEX sample_evictable ON sample (audit, acknowledged, sample_key >> 10, eviction_key)
          WHERE pixels = 'present' AND kept = 0 AND held = 0;
        """
}
