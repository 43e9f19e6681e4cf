package policy

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// maxGlob bounds a glob, in bytes. Matching takes at most the product of the
// two lengths.
const maxGlob = 256

// checkGlob says what is wrong with a glob.
func checkGlob(glob string) error {
	switch {
	case glob == "":
		return errors.New("the glob is empty")
	case len(glob) > maxGlob:
		return errors.New("the glob is longer than 256 bytes")
	case !utf8.ValidString(glob) || strings.ContainsFunc(glob, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the glob has control characters or is not UTF-8")
	case strings.HasPrefix(glob, "/"):
		return errors.New("the glob begins with a slash; names are from the top of the repository")
	case strings.ContainsAny(glob, "[]{}\\!"):
		return errors.New("a glob has no more than *, ** and ?")
	}
	return nil
}

func matchAny(globs []string, name string) bool {
	for _, g := range globs {
		if Match(g, name) {
			return true
		}
	}
	return false
}

// Match reports whether a name fits a glob: * stands for any number of
// characters but a slash, ** for any number of any, ? for one but a slash. A
// glob that ends in "/**" also fits the name before it.
func Match(glob, name string) bool {
	if before, ok := strings.CutSuffix(glob, "/**"); ok && !strings.ContainsAny(before, "*?") && name == before {
		return true
	}
	// reach[j] tells whether what was read of the glob fits name[:j].
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for i := 0; i < len(glob); {
		switch {
		case strings.HasPrefix(glob[i:], "**"):
			if strings.HasPrefix(glob[i:], "**/") {
				i += 3
				spread(reach, func(j int) bool { return name[j-1] == '/' })
				continue
			}
			i += 2
			spread(reach, func(int) bool { return true })
		case glob[i] == '*':
			i++
			for j := 1; j <= len(name); j++ {
				reach[j] = reach[j] || reach[j-1] && name[j-1] != '/'
			}
		case glob[i] == '?':
			i++
			one(reach, name)
		default:
			c := glob[i]
			i++
			for j := len(name); j > 0; j-- {
				reach[j] = reach[j-1] && name[j-1] == c
			}
			reach[0] = false
		}
	}
	return reach[len(name)]
}

// spread lets everything behind the first place that was reached be reached
// too, where end allows it.
func spread(reach []bool, end func(int) bool) {
	seen := false
	for j := range reach {
		was := reach[j]
		reach[j] = was || seen && j > 0 && end(j)
		seen = seen || was
	}
}

// one goes on by one character that is no slash.
func one(reach []bool, name string) {
	next := make([]bool, len(reach))
	for j := range name { // the beginnings of runes
		if reach[j] && name[j] != '/' {
			_, size := utf8.DecodeRuneInString(name[j:])
			next[j+size] = true
		}
	}
	copy(reach, next)
}
