package pipeline

import "log/slog"

// LogBatch is the attribute key of a batch id in every log line.
const LogBatch = "batch"

// NoLog is the logger of what was given none.
var NoLog = slog.New(slog.DiscardHandler)
