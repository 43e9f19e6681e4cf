package canary

import (
	"encoding/json"
	"strings"
)

// Words are text as content has it: words, and a secret that is none.
const Words = "CANARY of words sk-fake-0000"

// Plant puts [Words] in place of every string of a JSON value but those that keep
// names. A path is that of the value, such as ".tool_input.edits[].new_string".
func Plant(v any, path string, keep func(path string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, inner := range v {
			out[k] = Plant(inner, path+"."+k, keep)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = Plant(inner, path+"[]", keep)
		}
		return out
	case string:
		if keep(path) {
			return v
		}
		if strings.HasSuffix(path, ".command") {
			return "echo " + Words // the name of a program may be told
		}
		return Words
	default:
		return v
	}
}

// Leaked returns what of [Words] is found in values as JSON; empty if nothing is.
func Leaked(values ...any) string {
	all, err := json.Marshal(values)
	if err != nil {
		return err.Error()
	}
	for _, word := range []string{"CANARY", "of words", "sk-fake"} {
		if strings.Contains(string(all), word) {
			return word + " in " + string(all)
		}
	}
	return ""
}
