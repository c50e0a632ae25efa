// Use the documentation page as a developer does; what it shows and asks goes to stdout as JSON.
// node docs.cjs CHROMIUM PICTURE ADDRESS TOKEN ROOM
const { onPage } = require("./page.cjs");

const [executablePath, picture, address, token, room] = process.argv.slice(2);

onPage(executablePath, { width: 1200, height: 1400 }, async (page) => {
  const requests = [];
  page.on("request", (request) => requests.push([request.method(), request.url(), request.headers()]));
  await page.goto(address);
  await page.locator(".btn.authorize").first().click();
  const schemes = await page.locator(".auth-container h4 code").allInnerTexts();
  await page.locator(".auth-container input").first().fill(token);
  await page.locator(".auth-btn-wrapper .authorize").first().click();
  await page.locator(".btn-done").first().click();
  await page.reload();
  const operation = page.locator("#operations-messages-send_message");
  await operation.locator(".opblock-summary-control").click();
  await operation.locator("tr[data-param-name=chatroom_id] input").fill(room);
  const answered = page.waitForResponse((response) => response.request().method() === "POST");
  await operation.locator(".execute").click();
  const answer = await answered;
  await operation.locator(".live-responses-table .response-col_status").first().waitFor();
  await page.screenshot({ path: picture });
  return {
    schemes,
    sent: requests.filter(([method]) => method === "POST"),
    origins: [...new Set(requests.map(([, url]) => new URL(url).origin))],
    status: answer.status(),
    type: answer.headers()["content-type"],
  };
});
