package importer

import (
	"io"
	"strings"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/claude"
	"github.com/whodid/whodid/internal/ingest/codex"
	"github.com/whodid/whodid/internal/ingest/copilot"
	"github.com/whodid/whodid/internal/ingest/gemini"
)

// reader reads what a client keeps of a session.
type reader func(io.Reader, *agent.SessionFile) (agent.SessionReading, error)

// readerOf returns what reads a file.
func readerOf(f *File) reader {
	switch f.Client {
	case agent.Codex:
		return codex.Session
	case agent.Gemini:
		if strings.HasSuffix(f.Path, ".json") {
			return gemini.Document
		}
		return gemini.Session
	case agent.Copilot:
		return copilot.Session
	default:
		return claude.Session
	}
}
