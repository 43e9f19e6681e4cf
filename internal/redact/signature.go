package redact

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/whodid/whodid"
)

// isSignature reports whether parts of text are together the signature of an
// approval, as OpenSSH makes it (PROTOCOL.sshsig). It looks like a secret, and is
// the proof that a decision needs.
func isSignature(parts []string) bool {
	text, ok := strings.CutPrefix(strings.TrimSpace(strings.Join(parts, "")), "-----BEGIN SSH SIGNATURE-----")
	if !ok {
		return false
	}
	if text, ok = strings.CutSuffix(text, "-----END SSH SIGNATURE-----"); !ok {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return false
	}
	rest, ok := strings.CutPrefix(string(b), "SSHSIG\x00\x00\x00\x01")
	if !ok {
		return false
	}
	var fields [5]string // key, namespace, reserved, hash, signature
	for i := range fields {
		if len(rest) < 4 {
			return false
		}
		n := binary.BigEndian.Uint32([]byte(rest[:4]))
		if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
			return false
		}
		fields[i], rest = rest[:n], rest[n:]
	}
	return rest == "" && fields[1] == whodid.SSHNamespace && fields[2] == "" && (fields[3] == "sha512" || fields[3] == "sha256")
}
