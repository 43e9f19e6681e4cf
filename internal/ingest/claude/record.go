package claude

import (
	"time"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// record is what of a transcript's line is needed.
type record struct {
	whole     bool
	kind      string // user, assistant, or anything else
	at        time.Time
	version   string
	prompt    string
	uuid      string
	request   string
	agent     string
	sidechain bool
	apiError  bool
	errorKind string

	// Of an answer:
	message   string
	model     string
	synthetic bool
	usage     usage
	calls     []string
}

// usage is what the service said that a request used.
type usage struct {
	told          bool
	input, output int64
	cacheRead     int64
	cacheWrite    int64 // all that was written to the cache
	cacheWrite1h  int64 // the part that is kept for an hour
	hasCacheWrite bool
	cacheWrite5m  int64
}

func readRecord(v loose.Value) *record {
	rec := &record{}
	var message loose.Value
	rec.whole = v.Members(func(name []byte, v loose.Value) {
		switch string(name) {
		case "type":
			rec.kind = v.Text(agent.MaxID)
		case "timestamp":
			rec.at = clock(v.Text(64))
		case "version":
			rec.version = agent.Identifier(v.Text(agent.MaxID))
		case "promptId":
			rec.prompt = agent.CleanID(v.Text(agent.MaxIDRead))
		case "uuid":
			rec.uuid = agent.CleanID(v.Text(agent.MaxIDRead))
		case "requestId":
			rec.request = agent.CleanID(v.Text(agent.MaxIDRead))
		case "agentId":
			rec.agent = agent.CleanID(v.Text(agent.MaxIDRead))
		case "isSidechain":
			rec.sidechain = v.Truth()
		case "isApiErrorMessage":
			rec.apiError = v.Truth()
		case "error":
			rec.errorKind = v.Text(agent.MaxID)
		case "message":
			message = v
		}
	})
	if rec.kind == "assistant" {
		message.Members(rec.answer)
	}
	return rec
}

// answer reads a member of an answer's message.
func (rec *record) answer(name []byte, v loose.Value) {
	switch string(name) {
	case "id":
		rec.message = agent.CleanID(v.Text(agent.MaxIDRead))
	case "model":
		model := v.Text(agent.MaxIDRead)
		rec.synthetic = model == "<synthetic>"
		rec.model = agent.ModelName(model)
	case "usage":
		rec.usage = readUsage(v)
	case "content":
		v.Elements(func(block loose.Value) bool {
			var kind, id string
			block.Members(func(name []byte, v loose.Value) {
				switch string(name) {
				case "type":
					kind = v.Text(32)
				case "id":
					id = agent.CleanID(v.Text(agent.MaxIDRead))
				}
			})
			if kind == "tool_use" && id != "" {
				rec.calls = append(rec.calls, id)
			}
			return true
		})
	}
}

// readUsage reads the counts of tokens. Input excludes what was read from or
// written to the cache.
func readUsage(v loose.Value) usage {
	var u usage
	v.Members(func(name []byte, v loose.Value) {
		n, ok := v.Count()
		switch string(name) {
		case "input_tokens":
			u.input, u.told = n, u.told || ok
		case "output_tokens":
			u.output, u.told = n, u.told || ok
		case "cache_read_input_tokens":
			u.cacheRead = n
		case "cache_creation_input_tokens":
			u.cacheWrite, u.hasCacheWrite = n, ok
		case "cache_creation":
			v.Members(func(name []byte, v loose.Value) {
				n, _ := v.Count()
				switch string(name) {
				case "ephemeral_1h_input_tokens":
					u.cacheWrite1h = n
				case "ephemeral_5m_input_tokens":
					u.cacheWrite5m = n
				}
			})
		}
	})
	u.cacheWrite = max(u.cacheWrite, u.cacheWrite1h)
	if !u.hasCacheWrite {
		u.cacheWrite = u.cacheWrite1h + u.cacheWrite5m
	}
	return u
}

// key is the natural key of the request; "" if nothing tells it from others.
func (rec *record) key() string {
	switch {
	case rec.message != "" || rec.request != "":
		return agent.RequestKey(agent.ClaudeCode, rec.request, rec.message)
	case rec.uuid != "":
		return agent.Key(agent.ClaudeCode, "line", rec.uuid)
	default:
		return ""
	}
}

// clock reads a line's time; zero if it is none that an event may have.
func clock(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.Year() < 2000 || at.Year() >= 2200 {
		return time.Time{}
	}
	return at.UTC().Truncate(time.Microsecond)
}
