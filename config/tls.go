package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// certificate reads the files of TLS.
func (l *loader) certificate() *tls.Config {
	c := &l.config.TLS
	switch {
	case l.failed["tls.cert_file"] || l.failed["tls.key_file"] || l.failed["tls.client_ca_file"] || l.failed["tls.min_version"]:
		return nil
	case c.CertFile == "" && c.KeyFile == "" && c.ClientCAFile == "":
		return nil
	case c.CertFile == "":
		field := "tls.key_file"
		if c.KeyFile == "" {
			field = "tls.client_ca_file"
		}
		l.fail(field, "There is no certificate to go with it: name that by tls { cert_file }.")
		return nil
	case c.KeyFile == "":
		l.fail("tls.cert_file", "There is no private key to go with it: name that by tls { key_file }.")
		return nil
	}
	result := &tls.Config{MinVersion: tls.VersionTLS13}
	if c.MinVersion == "1.2" {
		result.MinVersion = tls.VersionTLS12
	}
	pair, blamed, err := readPair(c.CertFile, c.KeyFile)
	if err != nil {
		field := "tls.cert_file"
		if blamed == c.KeyFile {
			field = "tls.key_file"
		}
		l.fail(field, fmt.Sprintf("%s: %s.", blamed, bare(err)))
		return nil
	}
	result.Certificates = []tls.Certificate{pair}
	if c.ClientCAFile != "" {
		if result.ClientCAs, err = readRoots(c.ClientCAFile); err != nil {
			l.fail("tls.client_ca_file", fmt.Sprintf("%s: %s.", c.ClientCAFile, bare(err)))
			return nil
		}
	}
	return result
}

// readPair reads a certificate and its key. blamed is the file to which an error is due.
func readPair(certFile, keyFile string) (pair tls.Certificate, blamed string, err error) {
	cert, err := readRegular(certFile, maxFile)
	if err != nil {
		return pair, certFile, err
	}
	key, err := readPrivate(keyFile)
	if err != nil {
		return pair, keyFile, err
	}
	if pair, err = tls.X509KeyPair(cert, []byte(key)); err != nil {
		return pair, certFile, fmt.Errorf("it and the key in %s don't go together: %s", keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return pair, "", nil
}

func readRoots(name string) (*x509.CertPool, error) {
	text, err := readRegular(name, maxBundle)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("there is no certificate in it; it must be PEM")
	}
	return pool, nil
}

// ClientTLS is for those who connect to a node: it trusts who is signed by one in
// caFile, or by one that the system trusts if that is empty, and shows the certificate of
// certFile and keyFile if they are not empty.
func ClientTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var err error
	if caFile != "" {
		if c.RootCAs, err = readRoots(caFile); err != nil {
			return nil, fmt.Errorf("read the certificates in %s: %s", caFile, bare(err))
		}
	}
	if certFile == "" && keyFile == "" {
		return c, nil
	}
	pair, blamed, err := readPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate to show from %s: %s", blamed, bare(err))
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}
