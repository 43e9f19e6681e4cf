package githook

import (
	"context"
	"strings"

	"github.com/whodid/whodid/internal/git"
	"github.com/whodid/whodid/trailer"
)

// Rules reads the settings of git that change what a trailer is, in the
// repository of a folder or, outside of one, those of the user. Settings that
// can't be read are git's own.
func Rules(ctx context.Context, dir string) trailer.Rules {
	var r trailer.Rules
	out, err := git.In(dir).Run(ctx, "config", "-z", "--get-regexp", `^(core\.comment(char|string)|trailer\..*)$`)
	if err != nil {
		return r
	}
	keys := map[string]int{}
	for entry := range strings.SplitSeq(out, "\x00") {
		name, value, _ := strings.Cut(entry, "\n")
		lower := strings.ToLower(name)
		switch lower {
		case "core.commentchar", "core.commentstring":
			if value != "" && value != "auto" {
				r.Comment = value[0]
			}
		case "trailer.separators":
			r.Separators = value
		default:
			// trailer.<alias>.<setting>; the alias may hold dots and capitals.
			first, last := strings.IndexByte(name, '.'), strings.LastIndexByte(name, '.')
			if first < 0 || first == last {
				continue
			}
			alias := name[first+1 : last]
			i, known := keys[alias]
			if !known {
				i = len(r.Keys)
				keys[alias] = i
				r.Keys = append(r.Keys, trailer.ConfiguredKey{Alias: alias})
			}
			if lower[last+1:] == "key" {
				r.Keys[i].Key = value
			}
		}
	}
	return r
}
