package store

import (
	"fmt"
	"strings"
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

// joinQuoted joins the parts of a pattern, which stand for themselves, by what
// stands for any text.
func joinQuoted(parts []string, quote *strings.Replacer, anything string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = quote.Replace(p)
	}
	return strings.Join(quoted, anything)
}
