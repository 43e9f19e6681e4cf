package redact

import (
	"strings"
	"sync"
)

// handler says who looks at a keyword besides the vendor rules.
type handler uint8

const (
	noHandler handler = iota
	nameHandler
	urlHandler
	pemHandler
	homeHandler
	jwtHandler
	tokenHandler
	commandHandler
)

// ownKeywords are the words that call this package's own rules, in lower case, at least two bytes each.
var ownKeywords = [...]struct {
	word    string
	handler handler
}{
	{"pass", nameHandler},
	{"pwd", nameHandler},
	{"secret", nameHandler},
	{"token", nameHandler},
	{"key", nameHandler},
	{"auth", nameHandler},
	{"bearer", nameHandler},
	{"cookie", nameHandler},
	{"sig", nameHandler},
	{"session", nameHandler},
	{"credential", nameHandler},
	{"jwt", nameHandler},
	{"hmac", nameHandler},
	{"code", nameHandler},
	{"_pat", nameHandler},
	{"basic ", nameHandler},
	{"://", urlHandler},
	{`:\/\/`, urlHandler},
	{"-----begin", pemHandler},
	{"/home/", homeHandler},
	{"/users/", homeHandler},
	{`\users`, homeHandler},
	{"-home-", homeHandler},
	{"-users-", homeHandler},
	{"eyj", jwtHandler},
}

// An index finds all keywords in one pass. The first two bytes of a keyword pick a bucket, which is empty for most of any text. An
// Aho-Corasick automaton would look at each byte once only, but has to be built, or linked in as a large table, for every start of a
// program that lives for a few milliseconds. This one is built in well under a tenth of a millisecond; see BenchmarkIndex.
type index struct {
	class   [256]uint8     // of a byte, upper case folded; 0 for bytes in no keyword
	classes uint8          // how many there are besides 0
	bucket  [1 << 12]uint8 // by the classes of two bytes; 0 is the empty bucket
	buckets [][]keyword
}

type keyword struct {
	word    string
	handler handler
	vendor  []uint8 // positions in vendorRules
	tokens  []uint8 // positions in tokenPrefixes
}

// keywordIndex builds the index when it's first needed.
var keywordIndex = sync.OnceValue(buildIndex)

func buildIndex() *index {
	x := &index{buckets: make([][]keyword, 1, 256)}
	for i := range vendorRules {
		for _, w := range vendorRules[i].keywords {
			k := x.keyword(w)
			k.vendor = append(k.vendor, uint8(i))
		}
	}
	for _, own := range ownKeywords {
		x.keyword(own.word).handler = own.handler
	}
	for i := range tokenPrefixes {
		k := x.keyword(strings.ToLower(tokenPrefixes[i].prefix))
		k.tokens = append(k.tokens, uint8(i))
	}
	for _, p := range programs {
		x.keyword(p.name).handler = commandHandler
	}
	return x
}

// keyword returns the entry of the word, which it makes if there is none. It stays valid until the next call.
func (x *index) keyword(word string) *keyword {
	at := int(x.classOf(word[0]))<<6 | int(x.classOf(word[1]))
	if x.bucket[at] == 0 {
		x.bucket[at] = uint8(len(x.buckets))
		x.buckets = append(x.buckets, nil)
	}
	b := &x.buckets[x.bucket[at]]
	for i := range *b {
		if (*b)[i].word == word {
			return &(*b)[i]
		}
	}
	*b = append(*b, keyword{word: word})
	return &(*b)[len(*b)-1]
}

// classOf returns the class of a byte, which it makes if there is none. Six bits suffice for the bytes that keywords start with.
func (x *index) classOf(c byte) uint8 {
	if x.class[c] == 0 {
		x.classes++
		x.class[c] = x.classes
		if isLower(c) {
			x.class[c-'a'+'A'] = x.class[c]
		}
	}
	return x.class[c]
}

// keywords finds all keywords and calls who waits for them.
func (f *finder) keywords() {
	x := keywordIndex()
	s := f.view
	if len(s) < 2 {
		return
	}
	last := int(x.class[s[0]])
	for i := 1; i < len(s); i++ {
		c := int(x.class[s[i]])
		b := x.bucket[last<<6|c]
		last = c
		if b == 0 {
			continue
		}
		list := x.buckets[b]
		for k := range list {
			if w := list[k].word; hasPrefixFold(s[i-1:], w) {
				f.hit(&list[k], i-1)
			}
		}
	}
}

// hit calls who waits for the keyword at s[at].
func (f *finder) hit(k *keyword, at int) {
	for _, i := range k.tokens {
		f.token(&tokenPrefixes[i], at)
	}
	for _, i := range k.vendor {
		f.vendor(int(i), at, len(k.word))
	}
	switch k.handler {
	case nameHandler:
		f.name(at, at+len(k.word))
	case urlHandler:
		f.url(at, at+len(k.word))
	case pemHandler:
		f.pem(at)
	case homeHandler:
		f.home(at, k.word)
	case jwtHandler:
		f.jwt(at)
	case commandHandler:
		f.command(at, k.word)
	}
}

// hasPrefixFold tells whether s starts with the lower-case ASCII word, whatever the case in s.
func hasPrefixFold(s, word string) bool {
	if len(s) < len(word) {
		return false
	}
	for i := range len(word) {
		c := s[i]
		if isUpper(c) {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
