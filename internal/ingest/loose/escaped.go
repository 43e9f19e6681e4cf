package loose

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// escaped is the inside of a JSON string.
type escaped []byte

// unescape returns the text, cut after about limit bytes.
func (e escaped) unescape(limit int) string {
	if i := bytes.IndexByte(e[:min(len(e), limit)], '\\'); i < 0 {
		return strings.ToValidUTF8(string(e[:min(len(e), limit)]), "\uFFFD")
	}
	b := make([]byte, 0, min(len(e), limit))
	for i := 0; i < len(e) && len(b) < limit; {
		if e[i] != '\\' {
			end := bytes.IndexByte(e[i:], '\\')
			if end < 0 {
				end = len(e) - i
			}
			end = min(end, limit-len(b))
			b = append(b, e[i:i+end]...)
			i += end
			continue
		}
		r, n := e.escape(i)
		b = utf8.AppendRune(b, r)
		i += n
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// escape returns the rune that the escape at i stands for and how many bytes
// it takes.
func (e escaped) escape(i int) (r rune, n int) {
	if i+1 == len(e) {
		return utf8.RuneError, 1
	}
	switch e[i+1] {
	case 'n':
		return '\n', 2
	case 't':
		return '\t', 2
	case 'r':
		return '\r', 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'u':
		return e.unicodeEscape(i)
	default:
		return rune(e[i+1]), 2
	}
}

// unicodeEscape reads \uXXXX, or two of them that make one rune in UTF-16.
func (e escaped) unicodeEscape(i int) (r rune, n int) {
	high, ok := e.hex(i)
	if !ok {
		return utf8.RuneError, 2
	}
	if high < 0xD800 || high > 0xDFFF {
		return high, 6
	}
	if low, ok := e.hex(i + 6); ok && high < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF {
		return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000, 12
	}
	return utf8.RuneError, 6
}

func (e escaped) hex(i int) (rune, bool) {
	if i+6 > len(e) || e[i] != '\\' || e[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(e[i+2:i+6]), 16, 16)
	return rune(n), err == nil
}

// measure counts the bytes and lines of the text. A last line without a line
// feed counts.
func (e escaped) measure() (size, lines int64) {
	var last byte
	for i := 0; i < len(e); {
		next := bytes.IndexByte(e[i:], '\\')
		if next < 0 {
			next = len(e) - i
		}
		if next > 0 {
			last = e[i+next-1]
			size += int64(next)
			lines += int64(bytes.Count(e[i:i+next], []byte{'\n'}))
			i += next
			continue
		}
		r, n := e.escape(i)
		i += n
		size += int64(utf8.RuneLen(r))
		last = 0
		if r == '\n' {
			last = '\n'
			lines++
		}
	}
	if size > 0 && last != '\n' {
		lines++
	}
	return size, lines
}
