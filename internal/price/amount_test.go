package price

import (
	"encoding/json"
	"math/big"
	"testing"
)

// Whatever number JSON allows is refused or read to the twelfth decimal.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"0", "0.1", "1e-12", "4.5E-13", "10000", "1e4", "0.18000000000000002", "0.9999999999999", "0.00e99", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var number json.Number
		if json.Unmarshal([]byte(s), &number) != nil || number == "" {
			return
		}
		s = number.String()
		got, err := parseAmount(s, perMillion)
		if err != nil {
			return
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q was read as %d", s, got)
		}
		exact.Mul(exact, big.NewRat(attosPerMicro, 1))
		rounded := new(big.Rat).Add(exact, big.NewRat(1, 2)) // half up: floor(exact + 1/2)
		want := new(big.Int).Div(rounded.Num(), rounded.Denom())
		if want.Cmp(new(big.Int).SetUint64(uint64(got))) != 0 {
			t.Errorf("%s: got %d, want %s", s, got, want)
		}
		if got == 0 && exact.Sign() != 0 {
			t.Errorf("%s was read as nothing", s)
		}
	})
}
