package redact

import "strings"

const (
	// leastRandom is the length in bytes from which a token that no rule names is judged by its looks. Shorter ones are mostly ids.
	leastRandom = 32
	// leastEntropy in bits a byte. 32 bytes can have 5 at most. What keeps words apart is how often they change case, see looksRandom.
	leastEntropy = 4.2
)

// publicPrefixes come before random text that is no secret: digests of packages and keys, ids of messages and tool calls, our own ids.
var publicPrefixes = [...]string{
	"sha1-", "sha256-", "sha384-", "sha512-", "sha256:", "sha512:", "SHA256:", "h1:", "md5-",
	"toolu_", "srvtoolu_", "msg_", "req_", "call_", "chatcmpl-", "resp_", "fc_", "rs_", "run_", "file-", "file_", "evt-", "exec-",
}

// randoms adds long random tokens that no rule names. Only a mix of upper case, lower case and digits that changes between them
// as often as chance does is taken for random: hexadecimal digests, UUIDs, base32 ids and identifiers made of words are none.
func (f *finder) randoms() {
	s := f.view
	for i := leastRandom - 1; i < len(s); {
		// Only a run of leastRandom can hold s[i], so the places in between need no look.
		if !isBase64(s[i]) {
			i += leastRandom
			continue
		}
		start := i
		for start > 0 && isBase64(s[start-1]) {
			start--
		}
		end := i + run(s[i:], isBase64)
		end += run(s[end:], func(c byte) bool { return c == '=' })
		if end-start >= leastRandom && !isPublic(s, start) {
			f.random(start, end)
		}
		i = max(end, i+1) + leastRandom - 1
	}
}

// random adds f.view[start:end] or, if the whole isn't random, the parts between its slashes that are: it may be a path.
func (f *finder) random(start, end int) {
	s := f.view[start:end]
	trimmed := strings.TrimRight(s, "=")
	if looksRandom(trimmed) && entropy(trimmed) >= leastEntropy {
		f.add(start, end, ruleHighEntropy)
		return
	}
	for at := start; at < end; {
		n := run(f.view[at:end], isToken)
		part := f.view[at : at+n]
		if n >= leastRandom && looksRandom(part) && entropy(part) >= leastEntropy && !isPublic(f.view, at) {
			f.add(at, at+n, ruleHighEntropy)
		}
		at += n + 1
	}
}

func isBase64(c byte) bool { return isToken(c) || c == '+' || c == '/' }

// isPublic tells whether what starts at s[at] has one of the public prefixes, before or within it.
func isPublic(s string, at int) bool {
	for _, p := range publicPrefixes {
		if strings.HasPrefix(s[at:], p) || strings.HasSuffix(s[:at], p) {
			return true
		}
	}
	return false
}

// looksRandom tells whether s changes between upper case, lower case and digits about as often as random text does. Words in any
// notation change rarely, hexadecimal text has one case only and is no secret unless something names it.
func looksRandom(s string) bool {
	var upper, lower, digit, changes int
	last := byte(0)
	for i := range len(s) {
		var kind byte
		switch c := s[i]; {
		case isUpper(c):
			upper++
			kind = 'A'
		case isLower(c):
			lower++
			kind = 'a'
		case isDigit(c):
			digit++
			kind = '0'
		default:
			kind = last
		}
		if last != 0 && kind != last {
			changes++
		}
		last = kind
	}
	if isDigest(s) {
		return false
	}
	kinds := 0
	for _, n := range [...]int{upper, lower, digit} {
		if n >= 2 {
			kinds++
		}
	}
	switch {
	case len(s) >= leastRandom && kinds == 3:
		return 10*changes >= 4*len(s)
	case len(s) < leastRandom && kinds >= 2 && digit > 0 || kinds == 2 && upper > 0 && digit > 0:
		return 10*changes >= 3*len(s)
	}
	return false
}

// isDigest tells whether s is hexadecimal, with or without the hyphens of a UUID, as digests and commit ids are.
func isDigest(s string) bool {
	return run(s, func(c byte) bool { return isHex(c) || c == '-' }) == len(s)
}
