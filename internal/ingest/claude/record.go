package claude

import "time"

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

func readRecord(v value) *record {
	rec := &record{}
	var message value
	rec.whole = v.members(func(name []byte, v value) {
		switch string(name) {
		case "type":
			rec.kind = v.text(maxID)
		case "timestamp":
			rec.at = clock(v.text(64))
		case "version":
			rec.version = identifier(v.text(maxID))
		case "promptId":
			rec.prompt = cleanID(v.text(maxIDRead))
		case "uuid":
			rec.uuid = cleanID(v.text(maxIDRead))
		case "requestId":
			rec.request = cleanID(v.text(maxIDRead))
		case "agentId":
			rec.agent = cleanID(v.text(maxIDRead))
		case "isSidechain":
			rec.sidechain = v.truth()
		case "isApiErrorMessage":
			rec.apiError = v.truth()
		case "error":
			rec.errorKind = v.text(maxID)
		case "message":
			message = v
		}
	})
	if rec.kind == "assistant" {
		message.members(rec.answer)
	}
	return rec
}

// answer reads a member of an answer's message.
func (rec *record) answer(name []byte, v value) {
	switch string(name) {
	case "id":
		rec.message = cleanID(v.text(maxIDRead))
	case "model":
		model := v.text(maxIDRead)
		rec.synthetic = model == "<synthetic>"
		rec.model = modelName(model)
	case "usage":
		rec.usage = readUsage(v)
	case "content":
		v.elements(func(block value) bool {
			var kind, id string
			block.members(func(name []byte, v value) {
				switch string(name) {
				case "type":
					kind = v.text(32)
				case "id":
					id = cleanID(v.text(maxIDRead))
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
func readUsage(v value) usage {
	var u usage
	v.members(func(name []byte, v value) {
		n, ok := v.count()
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
			v.members(func(name []byte, v value) {
				n, _ := v.count()
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
	case rec.message != "" && rec.request != "":
		return keyOf(clientClaude, rec.message, rec.request)
	case rec.message != "":
		return keyOf(clientClaude, rec.message)
	case rec.uuid != "":
		return keyOf(clientClaude, "line", rec.uuid)
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
