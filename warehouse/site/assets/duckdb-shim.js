// The next script is a CommonJS file that requires apache-arrow; the script before this one has put it in window.Arrow.
window.module = { exports: {} };
window.exports = window.module.exports;
window.require = () => window.Arrow;
