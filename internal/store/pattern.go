package store

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// glob uses GLOB, for LIKE does not tell capital letters from small ones.
func (sqlite) glob(column string, n int, parts []string) (string, any) {
	return fmt.Sprintf("%s GLOB $%d", column, n), joinQuoted(parts, strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]"), "*")
}

func (sqlite) lowerASCII(column string) string { return "lower(" + column + ")" }

func (postgres) glob(column string, n int, parts []string) (string, any) {
	return fmt.Sprintf(`%s LIKE $%d ESCAPE '\'`, column, n), joinQuoted(parts, strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`), "%")
}

func (postgres) lowerASCII(column string) string { return "lower(" + column + ` COLLATE "C")` }

func (sqlite) byBytes(column string) string   { return column }
func (postgres) byBytes(column string) string { return column + ` COLLATE "C"` }

// after is the first text that comes after all that begin with another, by their
// bytes; empty if there is none.
func after(beginning string) string {
	last, size := utf8.DecodeLastRuneInString(beginning)
	switch last++; {
	case size == 0 || last > unicode.MaxRune:
		return ""
	case last >= surrogates && last < afterSurrogates:
		last = afterSurrogates
	}
	return beginning[:len(beginning)-size] + string(last)
}

// Surrogates are no characters.
const surrogates, afterSurrogates = 0xd800, 0xe000

// joinQuoted joins the parts of a pattern, which stand for themselves, by what
// stands for any text.
func joinQuoted(parts []string, quote *strings.Replacer, anything string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = quote.Replace(p)
	}
	return strings.Join(quoted, anything)
}
