package otlp

import (
	"encoding/binary"
	"encoding/json"
)

// The answers are two small messages, the same for all signals:
// Export…ServiceResponse{partial_success{rejected_… = 1, error_message = 2} = 1}
// and google.rpc.Status{code = 1, message = 2}.

func responseBody(e encoding, rejected int, reason string) []byte {
	if e == encodingJSON {
		if rejected == 0 {
			return []byte("{}")
		}
		return jsonBody(map[string]any{"partialSuccess": map[string]any{
			// A 64-bit number of protobuf is text in JSON. Each signal has its
			// own name for it; readers ignore names that they don't know.
			"rejectedLogRecords": decimal(rejected), "rejectedSpans": decimal(rejected), "rejectedDataPoints": decimal(rejected),
			"errorMessage": reason,
		}})
	}
	if rejected == 0 {
		return nil
	}
	var partial []byte
	partial = append(partial, 1<<3) // a varint
	partial = binary.AppendUvarint(partial, uint64(rejected))
	partial = appendText(partial, 2, reason)
	return appendText(nil, 1, string(partial))
}

func statusBody(e encoding, message string) []byte {
	if e == encodingJSON {
		return jsonBody(map[string]any{"message": message})
	}
	return appendText(nil, 2, message)
}

func jsonBody(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("{}")
	}
	return b
}

// appendText appends a field of protobuf's length-delimited type.
func appendText(b []byte, field byte, s string) []byte {
	b = append(b, field<<3|2)
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
