package redact

import "slices"

import "strings"

// nameKind says what a name lets expect of its value.
type nameKind uint8

const (
	nameOther  nameKind = iota
	nameWeak            // secret in the query of a URL only: key, sig, auth, session
	nameSecret          // a token or a key
	namePassword
	nameCookie
	nameAuthorization
)

var (
	passwordWords = [...]string{"password", "passwd", "passphrase", "passcode", "pwd"}
	secretWords   = [...]string{"secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "authkey"}
	// keyOwners come before "key" when the key is one that opens something.
	keyOwners = words("api access secret private account signing encryption master shared storage service auth license jwt hmac client " +
		"webhook anon app subscription functions admin storage")
	// harmlessTails follow a secret word when the value is something about the secret.
	harmlessTails = words("file path dir url uri endpoint name names id ids type length len size count counts policy field expiry expires expired " +
		"expiration ttl age limit limits prefix suffix format algorithm reset manager store provider issuer hint label column min max " +
		"required enabled strategy usage budget parser ring stdin prompt input output in out read write cached total per used rotation " +
		"version status valid invalid exists changed generator validator service scope scopes")
	weakWords = words("key sig signature auth session sessionid jwt hmac credential credentials code ticket pat sas")
)

// words makes a set that costs nothing until it's asked.
func words(list string) string { return " " + list + " " }

func has(set, word string) bool {
	return word != "" && strings.Contains(set, " "+word+" ")
}

// classify says what the value of the name is likely to be. The name may be in any notation: PGPASSWORD, apiKey, X-Api-Key, db.password.
func classify(name string) nameKind {
	var buf [12]string
	parts := split(name, buf[:0])
	if n := len(parts); n > 0 {
		switch last := parts[n-1]; last {
		case "authorization":
			return nameAuthorization
		case "cookie", "cookie2":
			return nameCookie
		}
	}
	for i := range slices.Backward(parts) {
		kind := classifyPart(parts, i)
		if kind == nameOther {
			continue
		}
		for _, tail := range parts[i+1:] {
			if has(harmlessTails, tail) {
				return nameOther
			}
		}
		return kind
	}
	if n := len(parts); n > 0 && has(weakWords, parts[n-1]) {
		return nameWeak
	}
	return nameOther
}

func classifyPart(parts []string, i int) nameKind {
	part := strings.TrimRight(parts[i], "0123456789")
	for _, w := range passwordWords {
		if strings.HasSuffix(part, w) {
			return namePassword
		}
	}
	for _, w := range secretWords {
		if strings.HasSuffix(part, w) {
			return nameSecret
		}
	}
	last := i == len(parts)-1
	switch {
	case last && (part == "pass" || part == "psk" || part == "pw"):
		return namePassword
	case part == "key" && i > 0 && has(keyOwners, parts[i-1]):
		return nameSecret
	case last && part == "pat" && i > 0:
		return nameSecret
	case part == "signature" && i > 0 && strings.HasSuffix(parts[i-1], "access"):
		return nameSecret // SharedAccessSignature
	}
	return nameOther
}

// split appends the words of the name to parts, in lower case. It gives up on names of more words than parts can hold.
func split(name string, parts []string) []string {
	for start := 0; start < len(name) && len(parts) < cap(parts); {
		if !isAlnum(name[start]) {
			start++
			continue
		}
		end := start + 1
		for end < len(name) && isAlnum(name[end]) {
			if isUpper(name[end]) && !isUpper(name[end-1]) {
				break // fooBar
			}
			if isUpper(name[end]) && end+1 < len(name) && isLower(name[end+1]) && isUpper(name[end-1]) {
				break // APIKey
			}
			end++
		}
		parts = append(parts, strings.ToLower(name[start:end]))
		start = end
	}
	return parts
}
