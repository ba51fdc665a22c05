"""An API of a long, even history, made up page by page."""

from datetime import UTC, datetime

from support.rawserver import RawServer, whole

_DAY = 86_400


class LongHistory(RawServer):
    """So many events on each of so many days up to `end`, newest first, in pages of one day's number."""

    def __init__(self, *, days, a_day, end):
        self._a_day = a_day
        self._end = int(end.timestamp())
        self._first = self._end // _DAY * _DAY - (days - 1) * _DAY
        self._seconds = [k * _DAY // a_day for k in range(a_day)]
        self._texts = [self._text(k, second) for k, second in enumerate(self._seconds)]
        super().__init__(self._answer)

    def count_before(self, moment):
        """How many events there are before a moment."""
        return self._place(int(moment.timestamp()))

    def _text(self, k, second):
        time = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        return (
            f'{{"date":"@{time}Z","aid":"{k % 7}","accountGroupName":"Group {k % 7}","event":"Event {k % 40}",'
            f'"uid":"{k % 300}","user":"Person {k % 300} (p{k % 300}@example.com)","ipAddress":"10.0.{k % 256}.1",'
            f'"resources":[{{"type":"testName","name":"Test {k % 999}"}}]}}'
        ).encode()

    def _place(self, second):
        """The number of events before a second."""
        if second <= self._first:
            return 0
        day, rest = divmod(second - self._first, _DAY)
        return day * self._a_day + -(-rest * self._a_day // _DAY)

    def _events(self, low, high):
        """The events of two places, newest first."""
        parts = []
        while high > low:
            day, top = divmod(high - 1, self._a_day)
            bottom = max(low - day * self._a_day, 0)
            date = datetime.fromtimestamp(self._first + day * _DAY, UTC).strftime("%Y-%m-%dT").encode()
            parts.append(b",".join(self._texts[bottom : top + 1][::-1]).replace(b"@", date))
            high = day * self._a_day + bottom
        return b",".join(parts)

    def _answer(self, request):
        query = request.query
        if request.path.endswith("/account-groups"):
            return whole({"accountGroups": [{"aid": str(k)} for k in range(7)]})
        if "window" in query:
            start, end = self._end - int(query["window"].removesuffix("s")), self._end
        else:
            start, end = (int(datetime.fromisoformat(query[name]).timestamp()) for name in ("startDate", "endDate"))
        low, high = self._place(start), self._place(min(end, self._end) + 1)
        high -= int(query.get("cursor", 0))
        bottom = max(low, high - self._a_day)
        texts = [datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for second in (start, end)]
        links = b"{}"
        if bottom > low:
            cursor = int(query.get("cursor", 0)) + high - bottom
            href = f"/v7/audit-user-events?startDate={texts[0]}&endDate={texts[1]}&cursor={cursor}"
            links = f'{{"next":{{"href":"{href}"}}}}'.encode()
        head = f'"startDate":"{texts[0]}","endDate":"{texts[1]}"'.encode()
        return whole(b'{"auditEvents":[' + self._events(bottom, high) + b'],"_links":' + links + b"," + head + b"}")
