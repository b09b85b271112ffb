public import GleanerCore
