package config

import "testing"

func TestAcks(t *testing.T) {
	for text, want := range map[string]int{
		"in-sync": 0, "none": 0, "1": 1, "2": 2, "1023": 1023,
		"": -1, "0": -1, "-1": -1, "1024": -1, "+1": -1, "01": -1, "1.5": -1, "all": -1, "2 ": -1, "99999999999999999999": -1,
	} {
		l, err := Load(nil, []string{"HERD_ACKS=" + text}, nil)
		if text == "" {
			want = 0 // an empty variable counts as unset
		}
		switch {
		case want < 0 && err == nil:
			t.Errorf("%q is taken", text)
		case want >= 0 && err != nil:
			t.Errorf("%q: %v", text, err)
		case want >= 0 && l.Config.Herd.AckCount() != want:
			t.Errorf("%q: waits for %d, want %d", text, l.Config.Herd.AckCount(), want)
		}
	}
}
