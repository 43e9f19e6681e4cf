package place

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
)

// DefaultOrg is the organisation of a trail that serves only one; its keys lie
// beside the trail.
const DefaultOrg = "default"

// Keys are the files of an organisation's keys: the one that signs its log, and
// the one that makes pseudonyms. No two organisations share a key: who learns
// one can't sign for another, nor tell that two pseudonyms are one person.
func (t *Trail) Keys(org string) (signing, people string) {
	if org == DefaultOrg {
		return t.SigningKey, t.PeopleKey
	}
	base := filepath.Join(t.OrgKeys, orgFile(org))
	return base + ".key", base + ".people.key"
}

// orgFile makes an organisation's name a file name: another one for each
// organisation on every file system, those that don't tell upper from lower
// case among them, and never one that leads elsewhere.
func orgFile(org string) string {
	var b strings.Builder
	b.WriteString("org-") // so that no name is one that an operating system reserves
	for _, c := range []byte(org) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02x", c)
	}
	const longest = 120
	if b.Len() <= longest {
		return b.String()
	}
	sum := sha256.Sum256([]byte(org))
	return "long-" + hex.EncodeToString(sum[:])
}
